/* Relaying the connections of sockets that are the host's. Must not know what they say; the
 * messages are lib/socket_link.h's, a connection's bytes lib/socket_flow.h's.
 *
 * The link is always read, whatever waits to be written: what the host sends is bounded by its
 * windows, and a host that waits for us must not be waited for. */
#include "init/sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "init/loop.h"
#include "init/machine.h"
#include "init/ports.h"
#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/socket_flow.h"

#define SOCKETS_BACKLOG	  128
#define SOCKETS_OUT_BYTES 262144 /* no more is read from processes while that much waits */

struct sockets_listener {
	struct loop_source source;
	uint32_t index;
};

struct sockets_connection {
	struct loop_source source;
	bool is_used;
	struct socket_flow flow;
};

static struct {
	struct loop_source link;
	struct wire_out out;
	uint64_t moved_bytes;
	size_t in_size;
	uint8_t in[2 * SOCKET_LINK_FRAME_ROOM];
	uint32_t listener_count;
	struct sockets_listener *listeners;
	struct sockets_connection connections[SOCKET_CONNECTION_MAX];
} * sockets; /* NULL: the container has none */

void sockets_path(uint32_t index, char path[SOCKETS_PATH_BYTES])
{
	snprintf(path, SOCKETS_PATH_BYTES, "/sockets/%u", index);
}

static bool sockets_may_read(void)
{
	return sockets->out.size < SOCKETS_OUT_BYTES;
}

static struct sockets_connection *sockets_free_place(void)
{
	for (int i = 0; i < SOCKET_CONNECTION_MAX; i++) {
		if (!sockets->connections[i].is_used)
			return &sockets->connections[i];
	}
	return NULL;
}

static void sockets_on_connection(struct loop_source *s, uint32_t events);

static void sockets_watch(struct sockets_connection *c)
{
	uint32_t events = socket_flow_events(&c->flow, sockets_may_read());

	if (!events)
		loop_remove(&c->source);
	else if (c->source.fd < 0)
		loop_add(&c->source, c->flow.fd, events, sockets_on_connection);
	else
		loop_set(&c->source, events);
}

/* Who connects waits in the kernel's queue while all places are taken. */
static void sockets_watch_listeners(void)
{
	bool may_accept = sockets_free_place() && sockets_may_read();

	for (uint32_t i = 0; i < sockets->listener_count; i++)
		loop_set(&sockets->listeners[i].source, may_accept ? EPOLLIN : 0);
}

static void sockets_work(struct sockets_connection *c)
{
	socket_flow_work(&c->flow, &sockets->out, sockets_may_read());
	sockets_watch(c);
	if (c->flow.is_closed_out)
		socket_flow_done(&c->flow);
	c->is_used = !socket_flow_is_over(&c->flow);
}

static void sockets_flush(void)
{
	bool was_full = !sockets_may_read();
	size_t done = 0;

	while (done < sockets->out.size) {
		ssize_t n =
			write(sockets->link.fd, sockets->out.data + done, sockets->out.size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* full; or the host's end is gone, which the control link tells */
		done += (size_t)n;
	}
	sockets->moved_bytes += done;
	memmove(sockets->out.data, sockets->out.data + done, sockets->out.size - done);
	sockets->out.size -= done;
	loop_set(&sockets->link, EPOLLIN | (sockets->out.size ? EPOLLOUT : 0));
	for (int i = 0; was_full && sockets_may_read() && i < SOCKET_CONNECTION_MAX; i++) {
		if (sockets->connections[i].is_used)
			sockets_watch(&sockets->connections[i]);
	}
	sockets_watch_listeners();
}

static void sockets_on_connection(struct loop_source *s, uint32_t events)
{
	(void)events;
	sockets_work(LOOP_OWNER(s, struct sockets_connection, source));
	sockets_flush();
}

static void sockets_on_connect(struct loop_source *s, uint32_t events)
{
	const struct sockets_listener *l = LOOP_OWNER(s, struct sockets_listener, source);
	struct sockets_connection *c = sockets_free_place();
	struct ucred who = {0};
	socklen_t size = sizeof(who);
	struct socket_frame open = {.type = SOCKET_OPEN};
	auto_close int fd = -1;

	(void)events;
	if (!c)
		return;
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return;
	open.connection = (uint16_t)(c - sockets->connections);
	open.open.socket = l->index;
	open.open.uid = who.uid;
	open.open.gid = who.gid;
	socket_link_put(&sockets->out, &open);
	*c = (struct sockets_connection){.source.fd = -1, .is_used = true};
	socket_flow_init(&c->flow, open.connection);
	c->flow.fd = take_fd(fd);
	sockets_work(c);
	sockets_flush();
}

static void sockets_take(const struct socket_frame *frame)
{
	struct sockets_connection *c = &sockets->connections[frame->connection];
	struct err e;

	if (!c->is_used || socket_flow_take(&c->flow, frame, &e) < 0)
		machine_die("sockets: frame of type %u for connection %u", frame->type,
			    frame->connection);
	sockets_work(c);
}

static void sockets_on_link(struct loop_source *s, uint32_t events)
{
	size_t at = 0;
	ssize_t n = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		n = read(s->fd, sockets->in + sockets->in_size,
			 sizeof(sockets->in) - sockets->in_size);
	if (n > 0) {
		sockets->in_size += (size_t)n;
		sockets->moved_bytes += (size_t)n;
	}
	for (;;) {
		struct socket_frame frame;
		struct err e;
		int used = socket_link_parse(sockets->in + at, sockets->in_size - at, &frame, &e);

		if (used < 0)
			machine_die("%s", e.text);
		if (used == 0)
			break;
		sockets_take(&frame);
		at += (size_t)used;
	}
	memmove(sockets->in, sockets->in + at, sockets->in_size - at);
	sockets->in_size -= at;
	if (n == 0 && (events & EPOLLHUP)) {
		loop_remove(s); /* QEMU has closed it: the machine is about to end */
		return;
	}
	sockets_flush();
}

static int sockets_listen(const struct guest_socket *s, uint32_t index, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	sockets_path(index, address.sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chown(address.sun_path, s->uid, s->gid) < 0 ||
	    chmod(address.sun_path, s->mode & 07777) < 0 || listen(fd, SOCKETS_BACKLOG) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

int sockets_open(const struct guest_container *c, struct err *e)
{
	int fd = -1;

	if (!c->socket_count)
		return 0;
	sockets = xcalloc(1, sizeof(*sockets));
	for (int i = 0; i < SOCKET_CONNECTION_MAX; i++)
		sockets->connections[i].source.fd = -1;
	sockets->listeners = xcalloc(c->socket_count, sizeof(*sockets->listeners));
	if (mkdir("/sockets", 0700) < 0)
		return err_sys(e, -errno, "guest: making a folder for sockets");
	for (uint32_t i = 0; i < c->socket_count; i++) {
		struct sockets_listener *l = &sockets->listeners[i];
		int r = sockets_listen(&c->sockets[i], i, &fd);

		if (r < 0)
			return err_sys(e, r, "guest: listening in place of a socket");
		l->index = i;
		loop_add(&l->source, fd, EPOLLIN, sockets_on_connect);
		sockets->listener_count++;
	}
	fd = ports_open(SOCKET_LINK_PORT);
	if (fd_set_nonblock(fd, 1) < 0)
		return err_sys(e, -errno, "guest: the link of sockets");
	loop_add(&sockets->link, fd, EPOLLIN, sockets_on_link);
	return 0;
}

struct sockets_rest sockets_rest(void)
{
	struct sockets_rest rest = {0};

	if (!sockets)
		return rest;
	rest.moved_bytes = sockets->moved_bytes;
	for (int i = 0; i < SOCKET_CONNECTION_MAX; i++)
		rest.connections += sockets->connections[i].is_used;
	for (uint32_t i = 0; i < sockets->listener_count; i++) {
		struct pollfd p = {.fd = sockets->listeners[i].source.fd, .events = POLLIN};

		rest.connections += poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
	}
	return rest;
}
