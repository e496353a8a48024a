/* The host process of an exec session: what engines see as "the exec's pid".
 *
 * It lives in the container's pid namespace, so that the kernel ends it before the container's own
 * process is reported; it ends with the session's status; signals it gets go to the guest. */
#ifndef VMRT_CMD_AGENT_H
#define VMRT_CMD_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runtime/oci/config_process.h"
#include "runtime/tty/tty.h"

struct agent_start {
	int state_dirfd;
	int monitor_pidfd;
	int process_fd;			/* file with the encoded process */
	const struct oci_strings *args; /* what `ps` shows */
	int stdio[3];
	int tty_fd;		   /* whose size is forwarded; -1: none */
	const struct tty_raw *raw; /* the caller's own terminal: given back when that is gone */
	int caller_pidfd;	   /* -1: whether it stays does not matter */
	bool owns_tty;		   /* it becomes the agent's controlling terminal */
};

/* Forks the agent and waits until the guest's process runs. On failure the agent is gone. The
 * caller's later children would live in the container's pid namespace: start none. */
int agent_start(const struct agent_start *start, pid_t *ret_pid, int *ret_pidfd,
		struct err *e) VMRT_MUST_CHECK;

#endif
