/* Making the container's process. Must not wait for it and must not apply anything: see child.c. */
#include "init/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/cgroup.h"
#include "init/child.h"
#include "init/marks.h"
#include "lib/fd.h"

/* CLONE_NEWNS always: without a mount namespace of its own (config.json asks for none) runc only
 * changes the root; here the machine's few mounts are init's, and nothing but the container is in
 * the machine. CLONE_NEWCGROUP is left to the child: cloned, it would be rooted at *our* cgroup. */
static uint64_t container_clone_flags(const struct guest_container *c)
{
	const uint64_t allowed = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

	return (c->namespaces & allowed) | CLONE_NEWNS;
}

/* As fork(): the child goes on with a copy of everything. */
static pid_t container_clone(const struct guest_container *c, int cgroup_fd)
{
	struct clone_args args = {
		.flags = container_clone_flags(c),
		.exit_signal = SIGCHLD,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int container_spawn(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
		    struct container_process *ret, struct err *e)
{
	auto_close int cgroup_fd = -1;
	int status[2];
	int go[2];
	pid_t pid;
	int r = cgroup_make(c, &cgroup_fd, e);

	if (r < 0)
		return r;
	marks_add("cgroup");
	if (pipe2(status, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "guest: pipe");
	pid = container_clone(c, cgroup_fd);
	if (pid < 0)
		return err_sys(e, -errno, "guest: making the container's process");
	if (pid == 0) {
		close(status[0]);
		close(go[1]);
		child_run(c, ends, status[1], go[0]);
	}
	close(status[1]);
	close(go[0]);
	*ret = (struct container_process){.pid = pid, .status_fd = status[0], .go_fd = go[1]};
	return fd_set_nonblock(ret->status_fd, 1);
}
