/* The user-mode network's processes: passt, if it is wanted, and the namespace that they and QEMU
 * are in. Must not know what runs in the VM. */
#include "runtime/monitor/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/proc/spawn.h"
#include "runtime/sandbox/sandbox.h"

/* Descriptor number inside passt. */
#define PASST_FD 3

int machine_start_passt(struct machine *m, const struct monitor_start *start, int *ret_fd,
			struct err *e)
{
	const struct user_network *u = &start->plan->user_network;
	struct strv argv = {0};
	struct sandbox sandbox;
	int pair[2];
	int errors[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, -errno, "making a socket pair for passt");
	*ret_fd = pair[0];
	if (pipe2(errors, O_CLOEXEC) < 0) {
		fd_close(&pair[1]);
		return err_sys(e, -errno, "making a pipe for passt");
	}
	m->passt_errors.fd = errors[0];
	sandbox_init_passt(&sandbox);
	user_network_passt_argv(u, PASST_FD, &argv);
	{
		const struct spawn_fd fds[] = {{pair[1], PASST_FD}, {errors[1], STDERR_FILENO}};
		const struct spawn s = {
			.name = "passt",
			.path = u->passt,
			.argv = argv.at,
			.fds = fds,
			.fd_count = sizeof(fds) / sizeof(*fds),
			.want_new_mount_ns = true,
			.sandbox = &sandbox,
			.death_signal = SIGKILL,
			.is_not_of_group = true,
		};

		r = fd_set_nonblock(errors[0], 1);
		if (r == 0)
			r = spawn_start(&s, &m->passt_pid, NULL, e);
	}
	fd_close(&pair[1]);
	fd_close(&errors[1]);
	strv_done(&argv);
	return r;
}

int machine_enter_network(const struct monitor_start *start, int *ret_own, struct err *e)
{
	*ret_own = -1;
	if (start->netns_fd < 0)
		return 0;
	*ret_own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*ret_own < 0 || setns(start->netns_fd, CLONE_NEWNET) < 0)
		return err_sys(e, -errno, "entering the user-mode network's namespace");
	return 0;
}

int machine_leave_network(int own, struct err *e)
{
	if (own >= 0 && setns(own, CLONE_NEWNET) < 0)
		return err_sys(e, -errno, "returning to the container's network namespace");
	return 0;
}
