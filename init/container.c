/* Making the container's processes. Must not wait for them and must not apply anything: see
 * child.c. */
#include "init/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/builtin.h"
#include "init/cgroup.h"
#include "init/child.h"
#include "init/machine.h"
#include "init/marks.h"
#include "init/oom.h"
#include "init/wording.h"
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
static pid_t container_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.exit_signal = SIGCHLD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Packets, so that a descriptor can travel with one and nothing has to be cut into messages. */
static int container_make_status(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
}

static void container_pin_binds(const struct guest_container *c)
{
	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct guest_mount *m = &c->mounts[i];

		if (m->kind == GUEST_MOUNT_BIND && !m->is_file && m->source)
			machine_pin_share(m->source);
	}
}

int container_spawn(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
		    struct container_process *ret, struct err *e)
{
	auto_close int cgroup_fd = -1;
	int pidfd = -1;
	int status[2];
	int go[2];
	pid_t pid;
	int r = cgroup_make(c, &cgroup_fd, e);

	if (r < 0)
		return r;
	oom_watch(cgroup_fd);
	marks_add("cgroup");
	container_pin_binds(c);
	if (container_make_status(status) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "guest: pipe");
	pid = container_clone(container_clone_flags(c), cgroup_fd, &pidfd);
	if (pid < 0)
		return err_sys(e, -errno, "guest: making the container's process");
	if (pid == 0) {
		close(status[0]);
		close(go[1]);
		child_run(c, ends, status[1], go[0]);
	}
	close(status[1]);
	close(go[0]);
	/* While it sets itself up. */
	r = cgroup_filter_devices(cgroup_fd, &c->device_filter, e);
	if (r < 0) {
		kill(pid, SIGKILL);
		close(status[0]);
		close(go[1]);
		close(pidfd);
		return r;
	}
	*ret = (struct container_process){.pid = pid,
					  .pidfd = pidfd,
					  .cgroup_fd = take_fd(cgroup_fd),
					  .status_fd = status[0],
					  .go_fd = go[1]};
	return fd_set_nonblock(ret->status_fd, 1);
}

/* A pid namespace is entered by being born in it: init's next child goes where init points. */
static int container_point_children(int pidfd)
{
	if (setns(pidfd, CLONE_NEWPID) < 0)
		return -errno;
	return 0;
}

static void container_point_children_back(void)
{
	auto_close int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(own, CLONE_NEWPID) < 0)
		machine_die("returning to the pid namespace: errno %d", errno);
}

static pid_t container_clone_into(const struct guest_container *c,
				  const struct container_process *first, uint64_t flags,
				  int cgroup_fd)
{
	int pidfd = -1;
	pid_t pid;

	if (c->namespaces & CLONE_NEWPID) {
		int r = container_point_children(first->pidfd);

		if (r < 0)
			return r;
	}
	pid = container_clone(flags, cgroup_fd, &pidfd);
	if (pid == 0)
		return 0;
	if (pid < 0)
		pid = -errno;
	fd_close(&pidfd);
	if (c->namespaces & CLONE_NEWPID)
		container_point_children_back();
	return pid;
}

int container_spawn_exec(const struct guest_container *c, const struct container_process *first,
			 const struct guest_process *p, const int ends[PROTO_STREAM_COUNT],
			 struct container_process *ret, struct err *e)
{
	auto_close int sub_fd = -1;
	int cgroup_fd = first->cgroup_fd;
	int status[2];
	pid_t pid;

	if (p->cgroup) {
		sub_fd = cgroup_open_sub(first->cgroup_fd, p->cgroup, e);
		if (sub_fd < 0)
			return sub_fd;
		cgroup_fd = sub_fd;
	}
	if (container_make_status(status) < 0)
		return err_sys(e, -errno, "guest: pipe");
	/* Init's own work is not the container's to pay, nor done among its mounts. */
	if (p->builtin)
		pid = container_clone_into(c, first, CLONE_NEWNS, -1);
	else
		pid = container_clone_into(c, first, 0, cgroup_fd);
	/* Its own has become one of cgroups: systemd, and docker in docker, have moved to a part of
	 * it and given the controllers away. Then where the first process is, as with runc. */
	if (pid == -EBUSY && !p->cgroup) {
		sub_fd = cgroup_open_of(first->pid);
		if (sub_fd >= 0)
			pid = container_clone_into(c, first, 0, sub_fd);
	}
	if (pid == 0 && p->builtin)
		builtin_run(p, ends, status[1]);
	if (pid == 0) {
		close(status[0]);
		child_run_exec(c, p, first->pidfd, ends, status[1]);
	}
	close(status[1]);
	*ret = (struct container_process)CONTAINER_PROCESS_NONE;
	ret->status_fd = status[0];
	if (pid < 0) {
		fd_close(&ret->status_fd);
		/* ENOMEM is how the kernel calls a pid namespace whose first process is dead. */
		return err_set(e, pid, "%s",
			       pid == -ESRCH || pid == -ENOMEM ? "container not running"
							       : wording_errno(-pid));
	}
	ret->pid = pid;
	return fd_set_nonblock(ret->status_fd, 1);
}
