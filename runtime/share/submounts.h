/* What the host has mounted inside a directory. */
#ifndef VMRT_SUBMOUNTS_H
#define VMRT_SUBMOUNTS_H

#include "lib/err.h"
#include "runtime/proc/strv.h"

/* Appends the paths of the mounts inside `directory` (absolute, links are followed), relative to
 * it, the outer ones first; at most `most` of them. What waits to be mounted (autofs) is not
 * among them. 0 or -errno. */
int submounts_find(const char *directory, size_t most, struct strv *ret) VMRT_MUST_CHECK;

#endif
