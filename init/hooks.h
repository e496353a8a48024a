/* The startContainer hooks. */
#ifndef VMRT_INIT_HOOKS_H
#define VMRT_INIT_HOOKS_H

#include "lib/err.h"
#include "lib/guest.h"

/* Runs them in their order, each to its end, in the calling process's namespaces and as its user.
 * Stops at the first that fails; the text has its number, how it ended and what it wrote to stderr.
 */
int hooks_run(const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

#endif
