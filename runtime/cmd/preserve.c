/* Naming what cannot be passed into a VM. Must not close or keep anything. */
#include "runtime/cmd/preserve.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Those of socket activation that are meant for us: sd_listen_fds(3). */
static unsigned int preserve_listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	if (!pid || !count || strtol(pid, NULL, 10) != getpid())
		return 0;
	return (unsigned int)strtoul(count, NULL, 10);
}

static const char *preserve_socket_kind(int fd)
{
	int is_listening = 0, type = 0;
	socklen_t size = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	size = sizeof(is_listening);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size);
	if (is_listening)
		return "a listening socket";
	return type == SOCK_STREAM ? "a stream socket" : "a datagram socket";
}

static const char *preserve_kind(int fd, const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return preserve_socket_kind(fd);
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	default:
		return "an anonymous file";
	}
}

int preserve_check(unsigned int count, struct err *e)
{
	unsigned int listen = preserve_listen_fds();
	struct stat st;

	if (!count && !listen)
		return 0;
	for (unsigned int i = 0; i < listen + count; i++) {
		if (fstat(STDERR_FILENO + 1 + (int)i, &st) < 0)
			return err_set(e, -EBADF, "unable to stat preserved-fd %u (of %u): %s",
				       i + 1, listen + count, "bad file descriptor");
	}
	fstat(STDERR_FILENO + 1, &st);
	return err_set(e, -ENOTSUP, "%s: descriptor 3 is %s, which cannot be passed into a VM",
		       listen ? "LISTEN_FDS" : "option --preserve-fds",
		       preserve_kind(STDERR_FILENO + 1, &st));
}
