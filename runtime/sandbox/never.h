/* System calls that no process of ours makes, and an intruder would try first: of other processes
 * and the kernel's own doors. Every filter has them. */
#ifndef VMRT_SANDBOX_NEVER_H
#define VMRT_SANDBOX_NEVER_H

#include <seccomp.h>
#include <stdint.h>

#include "lib/err.h"

/* Adds a rule for each that the architecture has, with libseccomp's `action`. 0 or -errno. */
int never_add(scmp_filter_ctx filter, uint32_t action) VMRT_MUST_CHECK;

#endif
