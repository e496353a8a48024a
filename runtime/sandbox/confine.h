/* What vmrt's own long-lived processes give up: the monitor, and the host process of an exec
 * session.
 *
 * Theory of operation: see confine.c. Must not be called by a command that a person runs. */
#ifndef VMRT_SANDBOX_CONFINE_H
#define VMRT_SANDBOX_CONFINE_H

#include "lib/err.h"

enum confine_role { CONFINE_MONITOR, CONFINE_AGENT, CONFINE_ROLE_COUNT };

/* Before set-up: the capabilities that set-up needs. */
int confine_begin(struct err *e) VMRT_MUST_CHECK;

/* After it, for good: the few that serving needs, no_new_privs, the role's system calls. Nothing
 * can be executed or mounted afterwards, no namespace or user changed. */
int confine_finish(enum confine_role role, struct err *e) VMRT_MUST_CHECK;

#endif
