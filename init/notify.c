/* Relaying sd_notify(3) datagrams, a line a message. Must not decide which of them count: the host
 * does. Descriptors that come with a datagram are the sender's loss. */
#include "init/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/control.h"
#include "init/inroot.h"
#include "init/loop.h"
#include "init/mounts.h"
#include "init/wording.h"
#include "lib/fd.h"

#define NOTIFY_SOCKET_FILE    "/notify" /* in the initramfs */
#define NOTIFY_DATAGRAM_BYTES 4096

static struct loop_source notify_source = {.fd = -1};

static void notify_on_datagram(struct loop_source *s, uint32_t events)
{
	char text[NOTIFY_DATAGRAM_BYTES + 1];
	ssize_t n = recv(s->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	char *save = NULL;

	(void)events;
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		control_send_notify(line);
}

void notify_open(const struct guest_container *c)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = NOTIFY_SOCKET_FILE};
	int fd;

	if (!c->notify_path)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Whoever the container's process becomes may write to it. */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(NOTIFY_SOCKET_FILE, 0666) < 0) {
		control_send_log(PROTO_LOG_WARN, "init: the notification socket: errno %d", errno);
		fd_close(&fd);
		return;
	}
	loop_add(&notify_source, fd, EPOLLIN, notify_on_datagram);
}

int notify_mount(int root_fd, const struct guest_container *c, struct err *e)
{
	auto_close int fd = -1;
	char to[MOUNTS_FD_PATH_BYTES];

	if (!c->notify_path || notify_source.fd < 0)
		return 0;
	fd = inroot_make(root_fd, c->notify_path, true);
	if (fd < 0)
		return err_set(e, fd, "open %s: %s", c->notify_path, wording_errno(-fd));
	mounts_fd_path(to, fd);
	if (mount(NOTIFY_SOCKET_FILE, to, NULL, MS_BIND, NULL) < 0)
		return err_set(e, -errno, "mounting %s: %s", c->notify_path, wording_errno(errno));
	return 0;
}
