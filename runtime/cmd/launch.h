/* Making, starting and removing containers: what `create`, `start`, `run` and `delete` share. */
#ifndef VMRT_CMD_LAUNCH_H
#define VMRT_CMD_LAUNCH_H

#include <sys/types.h>

#include "runtime/cmd/cmd.h"
#include "runtime/cmd/stdio.h"

struct launch {
	const char *id;
	const char *bundle; /* NULL: the current directory */
	const char *pid_file;
	const char *console_socket;
	const char *console_log; /* gets what the guest's kernel says; NULL: nothing does */
	const char *gdb;	 /* socket to be made for debuggers of the guest's kernel; NULL */
	const char *dry_run;	 /* a directory: nothing is started, see dry_run.h; NULL */
	const char *caller_ids;	 /* launch_ids_open(); NULL: root's */
	bool is_bundle_trusted;	 /* settings_trust_bundle() */
	bool is_foreground;	 /* the caller stays and waits: see struct monitor_start */
};

/* Everything up to "the container's process is parked before execve". On failure nothing is left.
 * `ret_pidfd` is of the monitor, a child of the caller. `io` is filled, also on failure: the caller
 * does stdio_done(). */
int launch_create(const struct cmd *c, const struct launch *launch, struct stdio_plan *io,
		  int *ret_pidfd, struct err *e) VMRT_MUST_CHECK;
/* Returns when the process runs; then poststart hooks. */
int launch_start(const struct cmd *c, const char *id, struct err *e) VMRT_MUST_CHECK;
/* Removes a container: poststop hooks, state directory. With `is_force` from any state, and 0 when
 * there is none. */
int launch_delete(const struct cmd *c, const char *id, bool is_force,
		  struct err *e) VMRT_MUST_CHECK;
/* Sends a signal by way of the monitor, or kills the monitor when it does not answer SIGKILL. */
int launch_kill(const struct cmd *c, const char *id, int signo, bool is_all,
		struct err *e) VMRT_MUST_CHECK;

#endif
