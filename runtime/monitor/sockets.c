/* Relaying the container's connections to sockets of the host's: the link's host side.
 *
 *   process ── init ──link──> this ──connector──> the host's server
 *
 * Everything read from the link is hostile. What is kept for the guest: a window for each
 * connection, and a queue of frames: when that is full nothing more is read from the link, nor from
 * the servers, until the guest has read. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/socket_flow.h"
#include "runtime/log/log.h"
#include "runtime/monitor/connector.h"

#define SOCKETS_OUT_BYTES 262144
#define SOCKETS_LOG_MAX	  100 /* lines: the log lies in memory of the host's */
#define SOCKETS_RETRY_MS  100 /* a server's queue is full: nothing tells when it is not */
#define SOCKETS_RETRY_MAX 100

struct sockets_connection {
	struct sockets *sockets;
	struct loop_source *source; /* NULL: not watched */
	bool is_used;
	bool is_connecting;
	bool is_waiting; /* to ask again */
	unsigned int retries;
	struct connector_request request;
	struct socket_flow flow;
};

struct sockets {
	struct monitor *monitor;
	struct loop_source *link; /* NULL: its end was seen */
	struct loop_timer *retry_timer;
	int connector_fd;
	struct loop_source *connector;
	unsigned int logged;
	struct wire_out out;
	size_t out_at;
	size_t in_size;
	uint8_t in[2 * SOCKET_LINK_FRAME_ROOM];
	struct sockets_connection connections[SOCKET_CONNECTION_MAX];
};

static bool sockets_may_read(const struct sockets *s)
{
	return s->out.size - s->out_at < SOCKETS_OUT_BYTES;
}

static const char *sockets_name(const struct sockets *s, uint32_t socket)
{
	const struct plan *plan = s->monitor->start->plan;

	for (size_t i = 0; i < plan->bind_count; i++) {
		if (plan->binds[i].ret_is_socket && socket-- == 0)
			return plan->binds[i].source;
	}
	return "?";
}

static void sockets_on_connection(void *arg, uint32_t events);

static void sockets_watch(struct sockets_connection *c)
{
	uint32_t events = socket_flow_events(&c->flow, sockets_may_read(c->sockets));

	if (!events) {
		loop_remove(c->source);
		c->source = NULL;
	} else if (c->source) {
		loop_set_events(c->source, events);
	} else {
		c->source = loop_add(c->sockets->monitor->loop, c->flow.fd, events,
				     sockets_on_connection, c);
		if (!c->source)
			socket_flow_refuse(&c->flow, &c->sockets->out, errno);
	}
}

static void sockets_work(struct sockets_connection *c)
{
	socket_flow_work(&c->flow, &c->sockets->out, sockets_may_read(c->sockets));
	sockets_watch(c);
	if (c->flow.is_closed_out)
		socket_flow_done(&c->flow);
	/* The number is not free while the connector has a request of it. */
	c->is_used = !socket_flow_is_over(&c->flow) || c->is_connecting;
}

static void sockets_send(struct sockets *s)
{
	while (s->out_at < s->out.size) {
		ssize_t n = send(s->monitor->machine.sockets_fd, s->out.data + s->out_at,
				 s->out.size - s->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full: EPOLLOUT goes on. Broken: QEMU's end tells */
		s->out_at += (size_t)n;
	}
	if (s->out_at == s->out.size) {
		wire_out_done(&s->out);
		s->out_at = 0;
	} else if (s->out_at > SOCKETS_OUT_BYTES) {
		memmove(s->out.data, s->out.data + s->out_at, s->out.size - s->out_at);
		s->out.size -= s->out_at;
		s->out_at = 0;
	}
}

static void sockets_flush(struct sockets *s)
{
	bool was_full = !sockets_may_read(s);

	sockets_send(s);
	for (int i = 0; was_full && sockets_may_read(s) && i < SOCKET_CONNECTION_MAX; i++) {
		if (s->connections[i].is_used)
			sockets_watch(&s->connections[i]);
	}
	if (s->link)
		loop_set_events(s->link,
				(sockets_may_read(s) ? EPOLLIN : 0) | (s->out.size ? EPOLLOUT : 0));
}

static void sockets_on_connection(void *arg, uint32_t events)
{
	struct sockets_connection *c = arg;

	(void)events;
	sockets_work(c);
	sockets_flush(c->sockets);
}

static void sockets_refuse(struct sockets_connection *c, int error)
{
	struct sockets *s = c->sockets;

	if (s->logged < SOCKETS_LOG_MAX && ++s->logged)
		log_warn("socket '%s': connecting for uid %u: %s",
			 sockets_name(s, c->request.socket), c->request.uid, strerror(error));
	socket_flow_refuse(&c->flow, &s->out, error);
}

/* --- connecting --- */

/* A full queue, the connector's or the server's, is asked again. */
static void sockets_put_off(struct sockets_connection *c, int error)
{
	c->is_waiting = error == EAGAIN && c->retries++ < SOCKETS_RETRY_MAX;
	c->is_connecting = c->is_waiting;
	if (c->is_waiting)
		loop_timer_set(c->sockets->retry_timer, SOCKETS_RETRY_MS);
	else
		sockets_refuse(c, error);
}

static void sockets_connect(struct sockets_connection *c)
{
	int r = connector_send(c->sockets->connector_fd, &c->request);

	c->is_connecting = r == 0;
	c->is_waiting = false;
	if (r < 0)
		sockets_put_off(c, -r);
}

static void sockets_on_retry(void *arg)
{
	struct sockets *s = arg;

	for (int i = 0; i < SOCKET_CONNECTION_MAX; i++) {
		struct sockets_connection *c = &s->connections[i];

		if (!c->is_waiting)
			continue;
		sockets_connect(c);
		sockets_work(c);
	}
	sockets_flush(s);
}

static void sockets_on_answer(struct sockets_connection *c, int error, int fd)
{
	c->is_connecting = false;
	if (error)
		sockets_put_off(c, error);
	else
		c->flow.fd = fd;
	sockets_work(c);
}

static void sockets_lose_connector(struct sockets *s)
{
	log_warn("the process that connects to sockets is gone: none is reachable any more");
	loop_remove(s->connector);
	s->connector = NULL;
	for (int i = 0; i < SOCKET_CONNECTION_MAX; i++) {
		if (s->connections[i].is_used && s->connections[i].is_connecting)
			sockets_on_answer(&s->connections[i], EPIPE, -1);
	}
}

static void sockets_on_connector(void *arg, uint32_t events)
{
	struct sockets *s = arg;
	struct connector_answer a;
	int fd;
	int r;

	(void)events;
	while ((r = connector_receive(s->connector_fd, &a, &fd)) > 0)
		sockets_on_answer(&s->connections[a.connection], a.error, fd);
	if (r < 0)
		sockets_lose_connector(s);
	sockets_flush(s);
}

/* --- the link --- */

static bool sockets_is_mapped(const struct guest_id_map *map, uint32_t id)
{
	for (uint32_t i = 0; i < map->count; i++) {
		if (id >= map->at[i].machine && id - map->at[i].machine < map->at[i].size)
			return true;
	}
	return map->count == 0;
}

static int sockets_open_connection(struct sockets_connection *c, const struct socket_frame *f,
				   struct err *e)
{
	const struct guest_container *g = &c->sockets->monitor->start->plan->guest;
	struct sockets *s = c->sockets;

	if (c->is_used || f->open.socket >= g->socket_count)
		return err_set(e, -EPROTO,
			       "guest: sockets: connection %u, socket %u cannot be opened",
			       f->connection, f->open.socket);
	*c = (struct sockets_connection){.sockets = s, .is_used = true};
	socket_flow_init(&c->flow, f->connection);
	c->request = (struct connector_request){
		.connection = f->connection,
		.socket = f->open.socket,
		.uid = f->open.uid,
		.gid = f->open.gid,
	};
	/* Nobody in the container's user namespace can be anybody else. */
	if (!sockets_is_mapped(&g->uid_map, f->open.uid) ||
	    !sockets_is_mapped(&g->gid_map, f->open.gid))
		sockets_refuse(c, EACCES);
	else
		sockets_connect(c);
	return 0;
}

static int sockets_take(struct sockets *s, const struct socket_frame *f, struct err *e)
{
	struct sockets_connection *c = &s->connections[f->connection];
	int r;

	if (f->type == SOCKET_OPEN)
		r = sockets_open_connection(c, f, e);
	else if (!c->is_used)
		r = err_set(e, -EPROTO, "guest: sockets: connection %u is not open", f->connection);
	else
		r = socket_flow_take(&c->flow, f, e);
	if (r == 0)
		sockets_work(c);
	return r;
}

static void sockets_take_all(struct sockets *s)
{
	size_t at = 0;

	while (!s->monitor->is_ending) {
		struct socket_frame frame;
		struct err e;
		int used = socket_link_parse(s->in + at, s->in_size - at, &frame, &e);
		int r = used > 0 ? sockets_take(s, &frame, &e) : used;

		if (r < 0) {
			monitor_break(s->monitor, &e);
			return;
		}
		if (used == 0)
			break;
		at += (size_t)used;
	}
	memmove(s->in, s->in + at, s->in_size - at);
	s->in_size -= at;
}

static void sockets_on_link(void *arg, uint32_t events)
{
	struct sockets *s = arg;
	ssize_t n;

	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
		sockets_flush(s);
		return;
	}
	n = recv(s->monitor->machine.sockets_fd, s->in + s->in_size, sizeof(s->in) - s->in_size,
		 MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* QEMU closed it: its end is about to be reported by SIGCHLD. */
		loop_remove(s->link);
		s->link = NULL;
		return;
	}
	s->in_size += n > 0 ? (size_t)n : 0;
	sockets_take_all(s);
	if (!s->monitor->is_ending)
		sockets_flush(s);
}

/* The connector has copies of its own. */
static int sockets_start_connector(struct sockets *s, struct err *e)
{
	const struct plan *plan = s->monitor->start->plan;
	auto_free int *fds = xcalloc(plan->guest.socket_count, sizeof(*fds));
	size_t count = 0;
	int r;

	for (size_t i = 0; i < plan->bind_count; i++) {
		if (plan->binds[i].ret_is_socket)
			fds[count++] = plan->binds[i].ret_socket_fd;
	}
	r = connector_start(fds, count, &s->connector_fd, e);
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	return r;
}

int sockets_open(struct monitor *m, struct err *e)
{
	struct sockets *s;
	int r;

	if (m->machine.sockets_fd < 0)
		return 0;
	s = xcalloc(1, sizeof(*s));
	s->monitor = m;
	for (int i = 0; i < SOCKET_CONNECTION_MAX; i++)
		s->connections[i].sockets = s;
	r = sockets_start_connector(s, e);
	if (r < 0)
		return r;
	s->retry_timer = loop_timer_new(m->loop, sockets_on_retry, s);
	s->connector = loop_add(m->loop, s->connector_fd, EPOLLIN, sockets_on_connector, s);
	s->link = loop_add(m->loop, m->machine.sockets_fd, EPOLLIN, sockets_on_link, s);
	if (!s->retry_timer || !s->connector || !s->link)
		return err_sys(e, -errno, "watching the link of sockets");
	return 0;
}
