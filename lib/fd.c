/* File descriptors: whole reads and writes. Must not know what the bytes mean. */
#include "lib/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/mem.h"

int fd_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_all(int fd, void *data, size_t size)
{
	char *at = data;
	size_t have = 0;

	while (have < size) {
		ssize_t n = read(fd, at + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int fd_read_text(int fd, size_t limit, char **ret_text, size_t *ret_size)
{
	size_t room = 4096;
	size_t have = 0;
	auto_free char *text = NULL;

	for (;;) {
		ssize_t n;

		if (room > limit + 1)
			room = limit + 1;
		text = xreallocarray(text, room + 1, 1);
		n = fd_read_all(fd, text + have, room - have);
		if (n < 0)
			return (int)n;
		have += (size_t)n;
		if (have < room)
			break;
		if (have > limit)
			return -EFBIG;
		room *= 2;
	}
	text[have] = '\0';
	*ret_text = take_ptr(text);
	if (ret_size)
		*ret_size = have;
	return 0;
}

int fd_read_file(int dirfd, const char *path, size_t limit, char **ret_text, size_t *ret_size)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_text(fd, limit, ret_text, ret_size);
}

int fd_send(int socket_fd, const void *data, size_t size, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(socket_fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_set_cloexec(int fd, int on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}
