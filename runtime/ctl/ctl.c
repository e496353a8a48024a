/* Control packets and sockets. Must not know what a verb does. */
#include "runtime/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fd.h"
#include "lib/wire.h"

#define CTL_BACKLOG 64

int ctl_send(int fd, const struct ctl_message *m)
{
	struct wire_out o = {0};
	ssize_t n;

	wire_put_u16(&o, (uint16_t)m->verb);
	wire_put_u32(&o, (uint32_t)m->error);
	wire_put_u32(&o, (uint32_t)m->signo);
	wire_put_u8(&o, m->is_all);
	wire_put_str(&o, m->text ? m->text : "");
	n = send(fd, o.data, o.size, MSG_NOSIGNAL);
	wire_out_done(&o);
	return n < 0 ? -errno : 0;
}

/* Fields that a newer sender appended are left alone; those that an older one lacks are an error,
 * since the first release has all of these. */
int ctl_receive(int fd, struct ctl_message *m, uint8_t *buffer)
{
	struct wire_in in;
	ssize_t n;

	do {
		n = recv(fd, buffer, CTL_PACKET_MAX, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	wire_in_init(&in, buffer, (size_t)n);
	m->verb = wire_get_u16(&in);
	m->error = (int)wire_get_u32(&in);
	m->signo = (int)wire_get_u32(&in);
	m->is_all = wire_get_u8(&in);
	m->text = wire_get_str(&in);
	if (in.is_bad || !m->text)
		return -EPROTO;
	return 0;
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
