/* The container's processes from their clone to their execve: the order of things. Must not contain
 * how any of them is done.
 *
 * It is a copy of init, which has one thread: it may allocate. The order is runc's (the runtime
 * specification leaves it open, images rely on it): mounts, devices, working directory, read-only
 * root, host name, protected and masked paths; after that what the user's rights decide. */
#include "init/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/cgroup.h"
#include "init/container.h"
#include "init/credentials.h"
#include "init/devices.h"
#include "init/environ.h"
#include "init/inroot.h"
#include "init/format.h"
#include "init/hooks.h"
#include "init/lookup.h"
#include "init/marks.h"
#include "init/mounts.h"
#include "init/notify.h"
#include "init/root.h"
#include "init/seccomp.h"
#include "init/settings.h"
#include "init/terminal.h"
#include "init/userns.h"
#include "init/wording.h"
#include "lib/fd.h"

/* Of its program: more than most need, and not all of a large one. */
#define CHILD_READ_AHEAD_BYTES (2 << 20)

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* musl's sched.h has none */
#endif

static void child_say(int status_fd, char what, const char *text)
{
	char message[1 + PROTO_TEXT_MAX_BYTES];
	size_t size = strnlen(text, PROTO_TEXT_MAX_BYTES);

	message[0] = what;
	memcpy(message + 1, text, size);
	/* write(): the container's filter may be there already, and forbids more often send().
	 * Init is never gone: without it the machine has panicked. */
	if (write(status_fd, message, 1 + size) < 0)
		_exit(1);
}

static void child_send_master(int status_fd, int master)
{
	const char what = CONTAINER_STATUS_TERMINAL;

	if (fd_send(status_fd, &what, 1, master) < 0)
		_exit(1);
}

static int child_set_oom_score(const struct guest_process *p, struct err *e)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char text[16];
	/* Init's own is -1000, and inherited. */
	int size = snprintf(text, sizeof(text), "%d", p->has_oom_score_adj ? p->oom_score_adj : 0);

	if (fd < 0)
		return err_sys(e, -errno, "guest: oom_score_adj");
	if (fd_write_all(fd, text, (size_t)size) < 0)
		return err_set(e, -errno, "write /proc/self/oom_score_adj: %s",
			       wording_errno(errno));
	return 0;
}

/* A hard limit of open files above fs.nr_open is refused even to root; the machine is the
 * container's, so it is raised there. */
static int child_raise_nr_open(const struct guest_rlimit *l)
{
	auto_close int fd = open("/proc/sys/fs/nr_open", O_WRONLY | O_CLOEXEC);
	char text[24];
	int size = snprintf(text, sizeof(text), "%llu", (unsigned long long)l->hard);

	return fd < 0 ? -errno : fd_write_all(fd, text, (size_t)size);
}

static int child_set_rlimits(const struct guest_process *p, struct err *e)
{
	for (uint32_t i = 0; i < p->rlimit_count; i++) {
		const struct guest_rlimit *l = &p->rlimits[i];
		struct rlimit limit = {.rlim_cur = l->soft, .rlim_max = l->hard};
		int r = setrlimit((int)l->resource, &limit) < 0 ? -errno : 0;

		if (r == -EPERM && l->resource == RLIMIT_NOFILE && !child_raise_nr_open(l))
			r = setrlimit((int)l->resource, &limit) < 0 ? -errno : 0;
		if (r < 0)
			return err_set(e, r, "error setting rlimit type %u: %s", l->resource,
				       wording_errno(-r));
	}
	return 0;
}

/* What needs nothing but the process. Init's own /proc must be in view. */
static int child_begin(const struct guest_process *p, struct err *e)
{
	sigset_t none;
	int r;

	setsid();
	/* Every descriptor of init was born with it; this costs one call and forgives a slip. */
	syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = child_set_oom_score(p, e);
	if (!r)
		r = child_set_rlimits(p, e);
	return r ? r : settings_apply_process(p, e);
}

/* Now that clone3() has put the process there, its cgroup becomes the namespace's root. */
static int child_leave_cgroup_namespace(struct err *e)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, -errno, "guest: cgroup namespace");
	return 0;
}

/* runc makes the working directory, though nothing tells it to: images rely on it. */
static int child_make_cwd(int root_fd, const struct guest_container *c, struct err *e)
{
	auto_close int fd = inroot_make(root_fd, c->process.cwd, false);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && !S_ISDIR(st.st_mode)) {
		fd_close(&fd);
		fd = -ENOTDIR;
	}
	if (fd < 0)
		return err_set(e, fd, "mkdir %s: %s", c->process.cwd, wording_errno(-fd));
	return 0;
}

static int child_protect_paths(int root_fd, const struct guest_container *c, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < c->readonly_paths.count; i++)
		r = root_protect_path(root_fd, c->readonly_paths.at[i], e);
	for (uint32_t i = 0; !r && i < c->masked_paths.count; i++)
		r = root_mask_path(root_fd, c->masked_paths.at[i], e);
	return r;
}

static int child_set_names(const struct guest_container *c, struct err *e)
{
	if (c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return err_set(e, -errno, "sethostname: %s", wording_errno(errno));
	if (c->domainname && setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return err_set(e, -errno, "setdomainname: %s", wording_errno(errno));
	return 0;
}

/* The container's /dev/null if it is one: a rootfs without it still gets its stdio. */
static int child_open_null(int root_fd)
{
	int fd = inroot_open(root_fd, "/dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return fd_set_nonblock(fd, 0) < 0 ? -errno : fd;
	fd_close(&fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Its master goes to init, who moves the bytes. */
static int child_set_terminal(int root_fd, const struct guest_process *p, int status_fd,
			      struct err *e)
{
	auto_close int master = -1;
	int r = terminal_make(root_fd, p, &master, e);

	if (!r)
		child_send_master(status_fd, master);
	return r;
}

/* Pipes, or the container's null device where there is none. */
static int child_set_pipes(int root_fd, const int ends[PROTO_STREAM_COUNT], struct err *e)
{
	auto_close int null_fd = child_open_null(root_fd);

	if (null_fd < 0)
		return err_set(e, null_fd, "error reopening /dev/null inside container: %s",
			       wording_errno(-null_fd));
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		if (dup2(ends[i] >= 0 ? ends[i] : null_fd, i) < 0)
			return err_sys(e, -errno, "guest: stdio");
	}
	return 0;
}

static int child_set_stdio(int root_fd, const struct guest_process *p,
			   const int ends[PROTO_STREAM_COUNT], int status_fd, struct err *e)
{
	return p->is_terminal ? child_set_terminal(root_fd, p, status_fd, e)
			      : child_set_pipes(root_fd, ends, e);
}

static int child_set_up_root(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
			     int status_fd, struct err *e)
{
	auto_close int root_fd = -1;
	auto_close int proc_fd = -1;
	struct guest_process outside = c->process; /* as seen from here: its ids are mapped */
	int r = userns_begin(c, &proc_fd, e);

	if (!r)
		r = root_prepare(c, &root_fd, e);

	marks_add("root");
	if (!r)
		r = mounts_apply(root_fd, c, e);
	marks_add("mounts");
	if (!r && !mounts_has_foreign_dev(c))
		r = devices_make(root_fd, c, e);
	marks_add("devices");
	if (!r)
		r = child_make_cwd(root_fd, c, e);
	outside.uid = userns_uid(c, c->process.uid);
	if (!r)
		r = child_set_stdio(root_fd, &outside, ends, status_fd, e);
	if (!r && c->process.is_terminal)
		r = terminal_make_console(root_fd, e);
	if (!r)
		r = notify_mount(root_fd, c, e);
	if (!r)
		r = mounts_finish(root_fd, c, e);
	if (!r && c->is_root_readonly)
		r = root_make_readonly(root_fd, e);
	if (!r)
		r = child_protect_paths(root_fd, c, e);
	marks_add("protected paths");
	if (!r)
		r = root_enter(root_fd, c->root_propagation, e);
	return r ? r : userns_enter(c, proc_fd, e);
}

static int child_set_modes(const struct guest_process *p, struct err *e)
{
	umask(p->umask);
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, -errno, "error setting no_new_privs: %s", wording_errno(errno));
	return 0;
}

/* Everything whose failure runc reports as "error during container init". */
static int child_set_up(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
			int status_fd, struct environ *env, struct err *e)
{
	int r = environ_init(env, &c->process.env, e);

	marks_add("clone");
	if (!r)
		r = child_begin(&c->process, e);
	if (!r)
		r = child_leave_cgroup_namespace(e);
	if (!r)
		r = settings_apply_container(c, e);
	if (!r)
		r = child_set_up_root(c, ends, status_fd, e);
	if (!r)
		r = child_set_names(c, e);
	if (!r)
		r = child_set_modes(&c->process, e);
	return r ? err_prefix(e, r, "error during container init") : 0;
}

static int child_fail_cwd(const char *cwd, int number, struct err *e)
{
	char quoted[ERR_TEXT_BYTES / 2];

	return err_set(e, -number, "chdir to cwd (%s) set in config.json failed: %s",
		       wording_quote(quoted, sizeof(quoted), cwd), wording_errno(number));
}

static int child_become_user(const struct guest_process *p, struct environ *env, struct err *e)
{
	bool is_chdir_done;
	/* Without no_new_privs the filter needs the privilege that is about to go: what follows
	 * has to get through it, as in runc. */
	int r = p->no_new_privs ? 0 : seccomp_load(e);

	if (!r)
		r = credentials_begin(p, e);
	if (r < 0)
		return r;
	/* As root first, as the user again if root (of a squashing server) may not. */
	is_chdir_done = chdir(p->cwd) == 0;
	if (!is_chdir_done && errno != EACCES && errno != EPERM)
		return child_fail_cwd(p->cwd, errno, e);
	environ_set_home(env, p->uid);
	r = credentials_set_user(p, e);
	if (r < 0)
		return r;
	if (!is_chdir_done && chdir(p->cwd) < 0)
		return child_fail_cwd(p->cwd, errno, e);
	return credentials_finish(p, e);
}

static int child_prepare(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
			 int status_fd, struct environ *env, char path[LOOKUP_PATH_BYTES],
			 struct err *e)
{
	int r = child_set_up(c, ends, status_fd, env, e);

	marks_add("root and names");
	if (!r)
		r = child_become_user(&c->process, env, e);
	marks_add("user");
	if (!r)
		r = lookup_program(c->process.args.at[0], env, path, e);
	return r ? r : format_check(path, e);
}

static _Noreturn void child_fail(int status_fd, const struct err *e)
{
	child_say(status_fd, CONTAINER_STATUS_FAILED, e->text);
	_exit(1);
}

static _Noreturn void child_execute(const char *path, const struct guest_process *p,
				    const struct environ *env, int status_fd)
{
	struct err e;

	/* With no_new_privs it needs nothing, so it comes last: only execve() has to be allowed. */
	if (!p->no_new_privs || !seccomp_load(&e)) {
		execve(path, (char *const *)p->args.at, env->at);
		err_set(&e, -errno, "exec %s: %s", path, wording_errno(errno));
	}
	child_fail(status_fd, &e);
}

/* Its pages come while the host acts on READY. */
static void child_read_ahead(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)readahead(fd, 0, CHILD_READ_AHEAD_BYTES);
}

void child_run(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT], int status_fd,
	       int go_fd)
{
	struct environ env;
	char path[LOOKUP_PATH_BYTES];
	char go;
	struct err e;

	if (child_prepare(c, ends, status_fd, &env, path, &e) < 0)
		child_fail(status_fd, &e);
	child_say(status_fd, CONTAINER_STATUS_READY, "");
	child_read_ahead(path);
	while (read(go_fd, &go, 1) < 0 && errno == EINTR)
		;
	if (hooks_run(c, &e) < 0)
		child_fail(status_fd, &e);
	child_execute(path, &c->process, &env, status_fd);
}

/* All of the container's namespaces; the pid namespace is the one it was born in. Joining the mount
 * namespace changes the root to the container's as well. */
static int child_join(const struct guest_container *c, int first_pidfd, struct err *e)
{
	const uint64_t optional = CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWTIME | CLONE_NEWUSER;
	int flags = CLONE_NEWNS | CLONE_NEWCGROUP | (int)(c->namespaces & optional);

	if (setns(first_pidfd, flags) < 0)
		return err_set(e, -errno, "%s",
			       errno == ESRCH ? "container not running" : wording_errno(errno));
	return 0;
}

static int child_prepare_exec(const struct guest_container *c, const struct guest_process *p,
			      int first_pidfd, const int ends[PROTO_STREAM_COUNT], int status_fd,
			      struct environ *env, char path[LOOKUP_PATH_BYTES], struct err *e)
{
	auto_close int root_fd = -1;
	int r = environ_init(env, &p->env, e);

	if (!r)
		r = child_begin(p, e);
	if (!r)
		r = settings_apply_personality(c, e);
	if (!r)
		r = child_join(c, first_pidfd, e);
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!r)
		r = child_set_stdio(root_fd, p, ends, status_fd, e);
	if (!r)
		r = child_set_modes(p, e);
	if (!r)
		r = child_become_user(p, env, e);
	return r ? r : lookup_program(p->args.at[0], env, path, e);
}

void child_run_exec(const struct guest_container *c, const struct guest_process *p, int first_pidfd,
		    const int ends[PROTO_STREAM_COUNT], int status_fd)
{
	struct environ env;
	char path[LOOKUP_PATH_BYTES];
	struct err e;

	if (child_prepare_exec(c, p, first_pidfd, ends, status_fd, &env, path, &e) < 0)
		child_fail(status_fd, &e);
	child_execute(path, p, &env, status_fd);
}
