/* The process that connects to the host's sockets. Must not read from them, nor trust the user that
 * it is told beyond what the kernel lets it become. */
#include "runtime/monitor/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/keep_fds.h"
#include "runtime/proc/spawn.h"
#include "runtime/sandbox/confine.h"

struct connector {
	const int *sockets;
	size_t count;
	int fd; /* our end */
};

/* The server sees who asks (SO_PEERCRED), as far as there is such a user here. May that one
 * connect? The guest's kernel has looked at the same owner and mode: here it is root who opens the
 * file. */
static int connector_become(uid_t uid, gid_t gid)
{
	if (syscall(SYS_setresgid, -1, gid, -1) < 0 || syscall(SYS_setresuid, -1, uid, -1) < 0)
		return -errno;
	setfsuid(0);
	return 0;
}

static void connector_return(void)
{
	if (syscall(SYS_setresuid, -1, 0, -1) < 0 || syscall(SYS_setresgid, -1, 0, -1) < 0)
		_exit(EXIT_FAILURE);
}

/* By the descriptor's name in /proc/self/fd, the working directory: there is no other way to
 * connect to a file that is open already. */
static int connector_connect(const struct connector *c, const struct connector_request *r,
			     int *ret_fd)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error = 0;

	if (fd < 0)
		return errno;
	if (r->socket >= c->count)
		return EBADF;
	snprintf(address.sun_path, sizeof(address.sun_path), "%d", c->sockets[r->socket]);
	error = -connector_become(r->uid, r->gid);
	if (!error && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		error = errno;
	connector_return();
	if (!error)
		*ret_fd = take_fd(fd);
	return error;
}

static void connector_serve(const struct connector *c)
{
	struct connector_request r;

	while (recv(c->fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r)) {
		struct connector_answer a = {.connection = r.connection};
		auto_close int fd = -1;
		int sent;

		a.error = connector_connect(c, &r, &fd);
		sent = fd < 0 ? (send(c->fd, &a, sizeof(a), MSG_NOSIGNAL) < 0 ? -errno : 0)
			      : fd_send(c->fd, &a, sizeof(a), fd);
		if (sent < 0)
			return;
	}
}

static int connector_run(void *arg)
{
	const struct connector *c = arg;
	auto_free int *keep = xcalloc(c->count + 1, sizeof(*keep));
	auto_close int names = -1;
	sigset_t none;
	struct err e;
	int r = 0;

	prctl(PR_SET_NAME, "vmrt-connector");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	memcpy(keep, c->sockets, c->count * sizeof(*keep));
	keep[c->count] = c->fd;
	/* Nobody's stdio: the engine waits for the end of what it gave the monitor. */
	keep_fds(keep, c->count + 1);
	names = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (names < 0 || fchdir(names) < 0 || setgroups(0, NULL) < 0)
		return EXIT_FAILURE;
	fd_close(&names);
	r = confine_finish(CONFINE_CONNECTOR, &e);
	if (r == 0)
		connector_serve(c);
	return EXIT_FAILURE;
}

int connector_start(const int *sockets, size_t count, int *ret_fd, struct err *e)
{
	int fds[2];
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(e, -errno, "making a socket pair");
	struct connector c = {.sockets = sockets, .count = count, .fd = fds[1]};

	r = spawn_monitor(0, connector_run, &c, &pid, NULL, e);
	fd_close(&fds[1]);
	if (r == 0)
		r = fd_set_nonblock(fds[0], 1);
	if (r < 0) {
		fd_close(&fds[0]);
		return r;
	}
	*ret_fd = fds[0];
	return 0;
}

int connector_send(int fd, const struct connector_request *r)
{
	return send(fd, r, sizeof(*r), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int connector_receive(int fd, struct connector_answer *ret, int *ret_socket)
{
	union {
		struct cmsghdr first;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_socket = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n != (ssize_t)sizeof(*ret))
		return -EPIPE;
	c = CMSG_FIRSTHDR(&message);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_socket, CMSG_DATA(c), sizeof(*ret_socket));
	/* The kernel drops what would be beyond our limit. */
	if (!ret->error && *ret_socket < 0)
		ret->error = EMFILE;
	return 1;
}
