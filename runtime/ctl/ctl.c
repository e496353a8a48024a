/* Control packets and sockets. Must not know what a verb does. */
#include "runtime/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fd.h"
#include "lib/wire.h"

#define CTL_BACKLOG 64

int ctl_send_fds(int fd, const struct ctl_message *m, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CTL_FD_MAX * sizeof(int))];
	} control = {0};
	struct msghdr header = {0};
	struct wire_out o = {0};
	struct iovec iov;
	ssize_t n;

	wire_put_u16(&o, (uint16_t)m->verb);
	wire_put_u32(&o, (uint32_t)m->error);
	wire_put_u32(&o, (uint32_t)m->signo);
	wire_put_u8(&o, m->is_all);
	wire_put_str(&o, m->text ? m->text : "");
	wire_put_u32(&o, (uint32_t)m->status);
	wire_put_u32(&o, m->rows);
	wire_put_u32(&o, m->columns);
	iov = (struct iovec){.iov_base = o.data, .iov_len = o.size};
	header.msg_iov = &iov;
	header.msg_iovlen = 1;
	if (count) {
		struct cmsghdr *c;

		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	n = sendmsg(fd, &header, MSG_NOSIGNAL);
	wire_out_done(&o);
	return n < 0 ? -errno : 0;
}

int ctl_send(int fd, const struct ctl_message *m)
{
	return ctl_send_fds(fd, m, NULL, 0);
}

static void ctl_take_fds(struct msghdr *header, int fds[CTL_FD_MAX])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		/* The buffer bounds the count: the kernel closes what does not fit. */
		memcpy(fds, CMSG_DATA(c), (count < CTL_FD_MAX ? count : CTL_FD_MAX) * sizeof(int));
	}
}

/* Fields that a newer sender appended are left alone. */
static int ctl_parse(struct ctl_message *m, const uint8_t *buffer, size_t size)
{
	struct wire_in in;

	wire_in_init(&in, buffer, size);
	m->verb = wire_get_u16(&in);
	m->error = (int)wire_get_u32(&in);
	m->signo = (int)wire_get_u32(&in);
	m->is_all = wire_get_u8(&in);
	m->text = wire_get_str(&in);
	m->status = (int)wire_get_u32(&in);
	m->rows = wire_get_u32(&in);
	m->columns = wire_get_u32(&in);
	return in.is_bad || !m->text ? -EPROTO : 0;
}

int ctl_receive_fds(int fd, struct ctl_message *m, uint8_t *buffer, int fds[CTL_FD_MAX])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CTL_FD_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = buffer, .iov_len = CTL_PACKET_MAX};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	for (int i = 0; i < CTL_FD_MAX; i++)
		fds[i] = -1;
	do {
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	ctl_take_fds(&header, fds);
	return ctl_parse(m, buffer, (size_t)n);
}

int ctl_receive(int fd, struct ctl_message *m, uint8_t *buffer)
{
	int fds[CTL_FD_MAX];
	int r = ctl_receive_fds(fd, m, buffer, fds);

	for (int i = 0; i < CTL_FD_MAX; i++)
		fd_close(&fds[i]);
	return r;
}

/* Socket names have 108 bytes, state directories of engines are longer: go through the dirfd. */
static int ctl_address(int state_dirfd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	return snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", state_dirfd,
			CTL_SOCKET_NAME);
}

int ctl_listen(int state_dirfd, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;

	ctl_address(state_dirfd, &address);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, CTL_BACKLOG) < 0)
		return err_sys(e, -errno, "making the control socket");
	return take_fd(fd);
}

int ctl_connect(int state_dirfd)
{
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	ctl_address(state_dirfd, &address);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(fd);
}
