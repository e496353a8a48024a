/* Forks: programs with nothing inherited by accident, and the monitor. The only file that does.
 *
 * Must not log, and must not allocate between clone and exec: the child makes system calls on
 * memory that was filled before. */
#include "runtime/proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/sandbox/jail.h"
#include "runtime/sandbox/sandbox.h"

#define SPAWN_KILL_WAIT_MS 1000
#define SPAWN_TARGET_MAX   1024 /* highest descriptor number a program may ask for */
#define SPAWN_FAILED	   127

/* What a child that could not get as far as execve tells its parent. */
struct spawn_failure {
	int error;
	char stage[60];
};

/* Everything the child needs, filled before the clone. */
struct spawn_child {
	const struct spawn *plan;
	char *const *envp;
	pid_t parent;
	int status_fd;
	int base; /* first number above every target */
	int userns_fd;
	size_t count;
	struct spawn_fd fds[SPAWN_FD_MAX + 3];
};

/* Where a filter of system calls allows only what it can look into: ours, of the monitor. */
static pid_t spawn_old_clone(uint64_t flags, int *ret_pidfd)
{
#ifdef __s390__
	return (pid_t)syscall(SYS_clone, 0, flags | SIGCHLD, ret_pidfd, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, ret_pidfd, 0, 0);
#endif
}

static pid_t spawn_clone(uint64_t flags, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 && errno == ENOSYS ? spawn_old_clone(args.flags, ret_pidfd) : pid;
}

static _Noreturn void spawn_child_fail(const struct spawn_child *c, const char *stage, int error)
{
	struct spawn_failure f = {.error = error};
	size_t i;

	for (i = 0; i < sizeof(f.stage) - 1 && stage[i]; i++)
		f.stage[i] = stage[i];
	/* Fits into the pipe's buffer: cannot block, and a parent that is gone does not care. */
	if (write(c->status_fd, &f, sizeof(f)) < 0)
		_exit(SPAWN_FAILED);
	_exit(SPAWN_FAILED);
}

/* Two passes, because a target may be the number of a source that is still needed: first all
 * sources go above every target, then down to their places. */
static void spawn_child_move_fds(struct spawn_child *c)
{
	bool is_target[SPAWN_TARGET_MAX] = {false};

	c->status_fd = fcntl(c->status_fd, F_DUPFD_CLOEXEC, c->base);
	if (c->status_fd < 0)
		_exit(SPAWN_FAILED);
	if (c->plan->userns_fd)
		c->userns_fd = fcntl(*c->plan->userns_fd, F_DUPFD_CLOEXEC, c->base);
	for (size_t i = 0; i < c->count; i++) {
		c->fds[i].from = fcntl(c->fds[i].from, F_DUPFD_CLOEXEC, c->base);
		if (c->fds[i].from < 0)
			spawn_child_fail(c, "duplicating a descriptor", errno);
	}
	for (size_t i = 0; i < c->count; i++) {
		if (dup2(c->fds[i].from, c->fds[i].to) < 0)
			spawn_child_fail(c, "placing a descriptor", errno);
		is_target[c->fds[i].to] = true;
	}
	for (int fd = 0; fd < c->base; fd++) {
		if (!is_target[fd])
			close(fd);
	}
	if (syscall(SYS_close_range, c->base, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		spawn_child_fail(c, "closing inherited descriptors", errno);
}

static void spawn_child_mounts(const struct spawn_child *c)
{
	const char *stage = NULL;
	int r;

	if (!c->plan->want_new_mount_ns)
		return;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		spawn_child_fail(c, "detaching the mount namespace", errno);
	r = c->plan->jail ? jail_enter(c->plan->jail, &stage) : 0;
	if (r < 0)
		spawn_child_fail(c, stage, -r);
}

/* Raw calls: glibc's wrappers look for other threads to tell. */
static void spawn_child_user_ns(const struct spawn_child *c)
{
	if (!c->plan->userns_fd)
		return;
	if (setns(c->userns_fd, CLONE_NEWUSER) < 0)
		spawn_child_fail(c, "entering its user namespace", errno);
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		spawn_child_fail(c, "becoming root of its user namespace", errno);
}

/* All signals are blocked here: nothing runs a handler of the parent's. The C library reserves
 * the first two real-time signals for itself and its sigaction() refuses them, but a caller may
 * have left them ignored: the system call itself, whose structure is zero for SIG_DFL on every
 * architecture and no larger than the C library's. */
static void spawn_child_signals(const struct spawn_child *c)
{
	static const int of_group[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	static const struct sigaction action;
	sigset_t blocked;

	for (int number = 1; number < _NSIG; number++) {
		if (number != SIGKILL && number != SIGSTOP)
			syscall(SYS_rt_sigaction, number, &action, NULL, _NSIG / 8);
	}
	/* After the sandbox: a change of ids clears it. */
	if (c->plan->death_signal) {
		if (prctl(PR_SET_PDEATHSIG, (unsigned long)c->plan->death_signal) < 0)
			spawn_child_fail(c, "asking for a death signal", errno);
		if (getppid() != c->parent)
			_exit(SPAWN_FAILED);
	}
	/* Blocked, not ignored: QEMU has handlers of its own for them, and unblocks none. */
	sigemptyset(&blocked);
	for (size_t i = 0; c->plan->is_not_of_group && i < sizeof(of_group) / sizeof(int); i++)
		sigaddset(&blocked, of_group[i]);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static _Noreturn void spawn_child(struct spawn_child *c)
{
	const struct spawn *s = c->plan;
	const char *stage = NULL;
	int r;

	spawn_child_move_fds(c);
	r = s->sandbox ? sandbox_apply_limits(s->sandbox, &stage) : 0;
	if (r < 0)
		spawn_child_fail(c, stage, -r);
	spawn_child_mounts(c);
	if (chdir(s->cwd ? s->cwd : "/") < 0)
		spawn_child_fail(c, "changing to '/'", errno);
	spawn_child_user_ns(c);
	r = s->sandbox ? sandbox_apply_rights(s->sandbox, &stage) : 0;
	if (r < 0)
		spawn_child_fail(c, stage, -r);
	spawn_child_signals(c);
	execve(s->path, s->argv, c->envp);
	spawn_child_fail(c, "executing", errno);
}

/* Checks the descriptor list and adds /dev/null for standard streams that are not in it. */
static int spawn_prepare_fds(struct spawn_child *c, int null_fd, struct err *e)
{
	const struct spawn *s = c->plan;
	bool has[3] = {false};

	if (s->fd_count > SPAWN_FD_MAX)
		return err_set(e, -E2BIG, "%s: %zu descriptors are too many", s->name, s->fd_count);
	c->base = 3;
	for (size_t i = 0; i < s->fd_count; i++) {
		int to = s->fds[i].to;

		if (s->fds[i].from < 0 || to < 0 || to >= SPAWN_TARGET_MAX)
			return err_set(e, -EBADF, "%s: descriptor %d as %d", s->name,
				       s->fds[i].from, to);
		if (to < 3)
			has[to] = true;
		if (to >= c->base)
			c->base = to + 1;
		c->fds[c->count++] = s->fds[i];
	}
	for (int to = 0; to < 3; to++) {
		if (!has[to])
			c->fds[c->count++] = (struct spawn_fd){null_fd, to};
	}
	return 0;
}

static uint64_t spawn_clone_flags(const struct spawn *s)
{
	return (s->want_new_mount_ns ? CLONE_NEWNS : 0) | (s->want_new_net_ns ? CLONE_NEWNET : 0) |
	       (s->want_new_ipc_ns ? CLONE_NEWIPC : 0);
}

/* Reads the child's verdict; end of file means that execve closed the pipe. */
static int spawn_read_verdict(const struct spawn *s, int status_fd, int *pidfd, struct err *e)
{
	struct spawn_failure f = {0};
	ssize_t n = fd_read_all(status_fd, &f, sizeof(f));

	if (n == 0)
		return 0;
	spawn_kill(pidfd);
	if (n != (ssize_t)sizeof(f))
		return err_set(e, -EIO, "%s: the child died before it could start it", s->name);
	f.stage[sizeof(f.stage) - 1] = '\0';
	if (!strcmp(f.stage, "executing"))
		return err_sys(e, -f.error, "%s: executing '%s'", s->name, s->path);
	return err_sys(e, -f.error, "%s: %s", s->name, f.stage);
}

int spawn_start(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	static char *const no_env[] = {NULL};
	struct spawn_child c = {.plan = s, .envp = s->envp ? s->envp : no_env, .parent = getpid()};
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_close int status_read = -1;
	auto_close int status_write = -1;
	auto_close int pidfd = -1;
	int pipe_fds[2];
	sigset_t all;
	sigset_t old;
	pid_t pid;
	int r;

	if (null_fd < 0)
		return err_sys(e, -errno, "%s: opening '/dev/null'", s->name);
	r = spawn_prepare_fds(&c, null_fd, e);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "%s: making a pipe", s->name);
	status_read = pipe_fds[0];
	status_write = pipe_fds[1];
	c.status_fd = status_write;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = spawn_clone(spawn_clone_flags(s), &pidfd);
	if (pid == 0)
		spawn_child(&c);
	r = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_sys(e, r, "%s: forking", s->name);
	fd_close(&status_write);
	r = spawn_read_verdict(s, status_read, &pidfd, e);
	if (r < 0)
		return r;
	*ret_pid = pid;
	if (ret_pidfd)
		*ret_pidfd = take_fd(pidfd);
	return 0;
}

int spawn_monitor(unsigned long clone_flags, int (*run)(void *), void *arg, pid_t *ret_pid,
		  int *ret_pidfd, struct err *e)
{
	const unsigned long known = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
				    CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWUSER;
	int pidfd = -1;
	sigset_t all;
	sigset_t old;
	pid_t pid;
	int r;

	if (clone_flags & ~known)
		return err_set(e, -EINVAL, "monitor: clone flags %#lx", clone_flags & ~known);
	/* What is buffered would be written by both. */
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = spawn_clone(clone_flags, &pidfd);
	r = -errno;
	/* Signals stay blocked there, and what comes early is kept for its signalfd. */
	if (pid == 0)
		_exit(run(arg));
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_sys(e, r, "monitor: forking into new namespaces");
	*ret_pid = pid;
	if (ret_pidfd)
		*ret_pidfd = pidfd;
	else
		fd_close(&pidfd);
	return 0;
}

int spawn_wait(int pidfd, int timeout_ms, int *ret_status)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	siginfo_t info = {0};
	int r;

	/* A signal in between starts the wait anew: callers block theirs (signalfd). */
	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -ETIMEDOUT;
	do {
		r = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (info.si_code == CLD_EXITED)
		*ret_status = W_EXITCODE(info.si_status, 0);
	else
		*ret_status = W_EXITCODE(0, info.si_status) |
			      (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return 0;
}

void spawn_kill(int *pidfd)
{
	int status;

	if (*pidfd < 0)
		return;
	syscall(SYS_pidfd_send_signal, *pidfd, SIGKILL, NULL, 0);
	if (spawn_wait(*pidfd, SPAWN_KILL_WAIT_MS, &status) < 0) {
		/* Hangs in the kernel: whoever is init for us will reap it. */
	}
	fd_close(pidfd);
}
