/* virtiofsd: where it is, which of the two it is, how it is called. The only file that knows.
 *
 * Locks are the guest's own (no flock, no posix_lock): only this VM has the tree mounted that way,
 * a lock taken by one of its processes binds the others at full speed. Passing them on would make
 * them visible to processes of the host, but virtiofsd serves a queue by one thread: a lock that
 * has to wait would stop every file operation of the VM.
 *
 * Must not start anything but `--version`. */
#include "runtime/vm/virtiofsd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/spawn.h"

#define VIRTIOFSD_VERSION_WAIT_MS 2000
#define VIRTIOFSD_NOFILE_MAX	  1000000

static const char *const virtiofsd_kind_names[VIRTIOFSD_KIND_COUNT] = {
	[VIRTIOFSD_NONE] = "none",
	[VIRTIOFSD_C] = "c",
	[VIRTIOFSD_RUST] = "rust",
};

const char *virtiofsd_kind_name(enum virtiofsd_kind kind)
{
	return kind < VIRTIOFSD_KIND_COUNT ? virtiofsd_kind_names[kind] : "?";
}

static int virtiofsd_look(const char *path, struct virtiofsd_binary *ret)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	if (snprintf(ret->path, sizeof(ret->path), "%s", path) >= (int)sizeof(ret->path))
		return -ENAMETOOLONG;
	ret->kind = VIRTIOFSD_NONE;
	ret->version = 0;
	ret->dev = st.st_dev;
	ret->inode = st.st_ino;
	ret->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return 0;
}

int virtiofsd_find(const char *configured, struct virtiofsd_binary *ret, struct err *e)
{
	/* The Rust one first: it is the maintained one where both are installed. */
	static const char *const places[] = {
		"/usr/libexec/virtiofsd",	"/usr/lib/virtiofsd",
		"/usr/lib/qemu/virtiofsd",	"/usr/libexec/qemu/virtiofsd",
		"/usr/lib/virtiofsd/virtiofsd", "/usr/bin/virtiofsd",
		"/usr/local/libexec/virtiofsd", "/usr/local/bin/virtiofsd",
	};
	int r;

	if (configured) {
		r = virtiofsd_look(configured, ret);
		if (r == -EACCES)
			return err_set(e, r, "virtiofsd: '%s' is not a program", configured);
		return r < 0 ? err_sys(e, r, "virtiofsd: '%s'", configured) : 0;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (virtiofsd_look(places[i], ret) == 0)
			return 0;
	}
	return err_set(e, -ENOENT,
		       "virtiofsd is not installed (looked in /usr/libexec, /usr/lib/qemu, "
		       "/usr/lib/virtiofsd, /usr/bin, /usr/local)");
}

/* "virtiofsd version 7.2.22 (Debian ...)" is the C one, "virtiofsd 1.13.2" the Rust one. */
enum virtiofsd_kind virtiofsd_parse_version(const char *text, unsigned int *ret_version)
{
	static const char name[] = "virtiofsd ";
	enum virtiofsd_kind kind = VIRTIOFSD_RUST;
	unsigned int major;
	unsigned int minor;

	if (strncmp(text, name, sizeof(name) - 1) != 0)
		return VIRTIOFSD_NONE;
	text += sizeof(name) - 1;
	if (!strncmp(text, "version ", 8)) {
		kind = VIRTIOFSD_C;
		text += 8;
	}
	if (sscanf(text, "%4u.%3u", &major, &minor) != 2)
		return VIRTIOFSD_NONE;
	*ret_version = major * 1000 + minor;
	return kind;
}

/* Reads until end of file or the time is over; always ends the text. */
static void virtiofsd_read_version(int fd, char *text, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t have = 0;

	while (have < size - 1 && poll(&p, 1, VIRTIOFSD_VERSION_WAIT_MS) > 0) {
		ssize_t n = read(fd, text + have, size - 1 - have);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	text[have] = '\0';
}

int virtiofsd_detect(struct virtiofsd_binary *b, struct err *e)
{
	char *const argv[] = {b->path, (char[]){"--version"}, NULL};
	int pipe_fds[2];
	char text[512];
	pid_t pid;
	int pidfd = -1;
	int r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "virtiofsd: making a pipe");
	auto_close int read_fd = pipe_fds[0];
	auto_close int write_fd = pipe_fds[1];
	struct spawn_fd fds[] = {{write_fd, 1}, {write_fd, 2}};
	struct spawn s = {
		.name = "virtiofsd",
		.path = b->path,
		.argv = argv,
		.fds = fds,
		.fd_count = 2,
		.death_signal = SIGKILL,
	};

	r = spawn_start(&s, &pid, &pidfd, e);
	if (r < 0)
		return r;
	fd_close(&write_fd);
	virtiofsd_read_version(read_fd, text, sizeof(text));
	spawn_kill(&pidfd);
	b->kind = virtiofsd_parse_version(text, &b->version);
	if (b->kind == VIRTIOFSD_NONE)
		return err_set(e, -EINVAL, "virtiofsd: '%s --version' gives no known version",
			       b->path);
	return 0;
}

uint64_t virtiofsd_nofile(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 1024;
	return files.rlim_max < VIRTIOFSD_NOFILE_MAX ? files.rlim_max : VIRTIOFSD_NOFILE_MAX;
}

static void virtiofsd_push_socket(const struct virtiofsd_plan *p, struct strv *v)
{
	if (p->socket_path)
		strv_pushf(v, "--socket-path=%s", p->socket_path);
	else
		strv_pushf(v, "--fd=%d", p->listen_fd);
}

/* C: one -o list. The source cannot hold a comma: the C parser has no escape that its -o
 * splitting keeps, so such a state directory is refused. */
static int virtiofsd_argv_c(const struct virtiofsd_plan *p, struct strv *v, struct err *e)
{
	if (strchr(p->share_dir, ',') || strchr(p->share_dir, '\\'))
		return err_set(e, -EINVAL,
			       "virtiofsd: this version takes no path with ',' or '\\': '%s'",
			       p->share_dir);
	virtiofsd_push_socket(p, v);
	strv_push(v, "-f");
	strv_push(v, "--thread-pool-size=0");
	strv_pushf(v, "--rlimit-nofile=%" PRIu64, p->nofile);
	strv_push(v, "-o");
	strv_pushf(v, "source=%s", p->share_dir);
	strv_push(v, "-o");
	strv_pushf(v,
		   "sandbox=namespace,cache=auto,xattr,%sno_flock,"
		   "no_posix_lock,no_writeback,allow_direct_io,log_level=%s",
		   p->is_flat ? "" : "posix_acl,announce_submounts,",
		   p->is_debug ? "info" : "warn");
	return 0;
}

static void virtiofsd_argv_rust(const struct virtiofsd_plan *p, struct strv *v)
{
	virtiofsd_push_socket(p, v);
	strv_pushf(v, "--shared-dir=%s", p->share_dir);
	strv_push(v, "--sandbox=namespace");
	strv_push(v, "--seccomp=kill");
	strv_push(v, "--cache=auto");
	strv_push(v, "--xattr");
	if (!p->is_flat)
		strv_push(v, "--posix-acl");
	/* It is its default, too. */
	strv_push(v, p->is_flat ? "--no-announce-submounts" : "--announce-submounts");
	strv_push(v, "--allow-direct-io");
	strv_push(v, "--thread-pool-size=0");
	strv_pushf(v, "--rlimit-nofile=%" PRIu64, p->nofile);
	strv_pushf(v, "--log-level=%s", p->is_debug ? "info" : "warn");
}

int virtiofsd_argv(const struct virtiofsd_plan *plan, struct strv *ret, struct err *e)
{
	auto_strv struct strv v = {0};
	int r;

	if (!plan->share_dir || plan->share_dir[0] != '/')
		return err_set(e, -EINVAL, "virtiofsd: the share's path is not absolute");
	strv_push(&v, plan->binary->path);
	switch (plan->binary->kind) {
	case VIRTIOFSD_C:
		r = virtiofsd_argv_c(plan, &v, e);
		if (r < 0)
			return r;
		break;
	case VIRTIOFSD_RUST:
		virtiofsd_argv_rust(plan, &v);
		break;
	default:
		return err_set(e, -EINVAL, "virtiofsd: '%s' is of an unknown kind",
			       plan->binary->path);
	}
	*ret = v;
	v = (struct strv){0};
	return 0;
}

void virtiofsd_env(const struct virtiofsd_plan *plan, struct strv *ret)
{
	/* glibc's ninth malloc arena asks for the CPU's number by a call that is not on the C
	 * flavour's seccomp list. */
	if (plan->binary->kind == VIRTIOFSD_C)
		strv_push(ret, "MALLOC_ARENA_MAX=4");
}

int virtiofsd_socket(const char *dir, int *ret_listen_fd, int *ret_connected_fd, struct err *e)
{
	auto_close int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int connected_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int r = 0;

	if (dir_fd < 0)
		return err_sys(e, -errno, "virtiofsd: opening '%s'", dir);
	if (listen_fd < 0 || connected_fd < 0)
		return err_sys(e, -errno, "virtiofsd: making a socket");
	/* Through the descriptor: the directory's own path may be longer than a socket's may. */
	snprintf(where.sun_path, sizeof(where.sun_path), "/proc/self/fd/%d/virtiofsd.sock", dir_fd);
	if (bind(listen_fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		return err_sys(e, -errno, "virtiofsd: binding a socket in '%s'", dir);
	if (listen(listen_fd, 1) < 0 ||
	    connect(connected_fd, (struct sockaddr *)&where, sizeof(where)) < 0)
		r = err_sys(e, -errno, "virtiofsd: connecting the socket in '%s'", dir);
	unlinkat(dir_fd, "virtiofsd.sock", 0);
	if (r < 0)
		return r;
	*ret_listen_fd = take_fd(listen_fd);
	*ret_connected_fd = take_fd(connected_fd);
	return 0;
}
