/* What vmrt's own long-lived processes give up: the monitor, and the host process of an exec
 * session. And a reader: a program of the host's that is executed to read what a guest made.
 *
 * Theory of operation: see confine.c. Must not be called by a command that a person runs. */
#ifndef VMRT_SANDBOX_CONFINE_H
#define VMRT_SANDBOX_CONFINE_H

#include "lib/err.h"

enum confine_role {
	CONFINE_MONITOR,
	CONFINE_AGENT,
	CONFINE_READER,
	CONFINE_CONNECTOR,
	CONFINE_ROLE_COUNT
};

/* Before set-up: the capabilities that set-up needs. */
int confine_begin(struct err *e) VMRT_MUST_CHECK;

/* After it, for good: the few that serving needs, no_new_privs, the role's system calls. Nothing
 * can be mounted afterwards, no namespace changed, and no user but by the connector; a reader alone
 * can execute programs, and has no sockets, processes or devices to reach anything with but the
 * descriptors it inherits. */
int confine_finish(enum confine_role role, struct err *e) VMRT_MUST_CHECK;

#endif
