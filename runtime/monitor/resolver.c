/* A DNS server at a loopback address, the engine's (127.0.0.11) or the host's: it answers in the
 * network namespace only that this process is in. One socket per query, closed with its answer.
 *
 *   guest: program ──> 127.0.0.11:53 (init) ──RESOLVE──> monitor ──> 127.0.0.11:53 (engine)
 *
 * The queries are the guest's, hostile: their number is bounded, their content is not looked at. */
#include "runtime/monitor/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"

#define RESOLVER_QUERY_MAX    64 /* at a time; then the oldest is given up, as a full queue would */
#define RESOLVER_LIMIT_MS     10000 /* of a query: longer than the engine's own limits */
#define RESOLVER_ANSWER_BYTES 65535
#define RESOLVER_PREFIX_BYTES 2 /* TCP: the length of what follows */

struct resolver_query {
	struct resolver_query *next; /* younger */
	struct monitor *monitor;
	struct loop_source *source;
	int fd;
	uint32_t token;
	bool is_tcp;
	uint64_t limit_ms; /* on the monotonic clock: it is given up then */
	size_t out_size;
	size_t out_at;
	size_t in_size;
	uint8_t *in; /* RESOLVER_PREFIX_BYTES + RESOLVER_ANSWER_BYTES; made with the first byte */
	uint8_t out[RESOLVER_PREFIX_BYTES + PROTO_QUERY_MAX_BYTES];
};

static uint64_t resolver_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The last thing that happens to a query. `size` 0: there is no answer. */
static void resolver_finish(struct resolver_query *q, const void *answer, size_t size)
{
	struct monitor *m = q->monitor;
	struct resolver_query **at = &m->queries;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	m->query_count--;
	guest_send_resolved(m, q->token, answer, size);
	loop_remove(q->source);
	fd_close(&q->fd);
	free(q->in);
	free(q);
}

/* Is what a TCP connection has said so far an answer with its length? */
static bool resolver_is_complete(const struct resolver_query *q)
{
	return q->in_size >= RESOLVER_PREFIX_BYTES &&
	       q->in_size >= RESOLVER_PREFIX_BYTES + ((size_t)q->in[0] << 8 | q->in[1]);
}

static void resolver_read(struct resolver_query *q)
{
	size_t room = RESOLVER_PREFIX_BYTES + RESOLVER_ANSWER_BYTES;
	ssize_t n;

	if (!q->in)
		q->in = xmalloc(room);
	n = recv(q->fd, q->in + q->in_size, room - q->in_size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		resolver_finish(q, NULL, 0); /* nobody listens, or it hung up */
		return;
	}
	q->in_size += (size_t)n;
	if (!q->is_tcp)
		resolver_finish(q, q->in, q->in_size);
	else if (resolver_is_complete(q))
		resolver_finish(q, q->in + RESOLVER_PREFIX_BYTES, (size_t)q->in[0] << 8 | q->in[1]);
}

static void resolver_write(struct resolver_query *q)
{
	ssize_t n = send(q->fd, q->out + q->out_at, q->out_size - q->out_at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		resolver_finish(q, NULL, 0);
		return;
	}
	if (n > 0)
		q->out_at += (size_t)n;
	if (q->out_at == q->out_size)
		loop_set_events(q->source, EPOLLIN);
}

static void resolver_on_event(void *arg, uint32_t events)
{
	struct resolver_query *q = arg;

	if (q->out_at < q->out_size && (events & EPOLLOUT))
		resolver_write(q);
	else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		resolver_read(q);
}

/* The list is in the order of age, and all have the same limit. */
static void resolver_on_limit(void *arg)
{
	struct monitor *m = arg;
	uint64_t now_ms = resolver_now_ms();

	while (m->queries && m->queries->limit_ms <= now_ms)
		resolver_finish(m->queries, NULL, 0);
	if (m->queries)
		loop_timer_set(m->resolver_timer, (unsigned int)(m->queries->limit_ms - now_ms));
}

static int resolver_connect(uint32_t address, bool is_tcp)
{
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr = {htonl(address)},
	};
	auto_close int fd = socket(
		AF_INET, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, (const struct sockaddr *)&server, sizeof(server)) < 0 &&
		       errno != EINPROGRESS))
		return -errno;
	return take_fd(fd);
}

static void resolver_append(struct monitor *m, struct resolver_query *q)
{
	struct resolver_query **at = &m->queries;

	while (*at)
		at = &(*at)->next;
	*at = q;
	m->query_count++;
	q->limit_ms = resolver_now_ms() + RESOLVER_LIMIT_MS;
	if (m->queries == q)
		loop_timer_set(m->resolver_timer, RESOLVER_LIMIT_MS);
}

void resolver_on_query(struct monitor *m, const struct proto_event *ev)
{
	struct resolver_query *q;

	if (!m->resolver_timer)
		m->resolver_timer = loop_timer_new(m->loop, resolver_on_limit, m);
	if (!m->network.resolver || !m->resolver_timer) {
		guest_send_resolved(m, ev->resolve.token, NULL, 0);
		return;
	}
	if (m->query_count >= RESOLVER_QUERY_MAX)
		resolver_finish(m->queries, NULL, 0);
	q = xcalloc(1, sizeof(*q));
	q->monitor = m;
	q->token = ev->resolve.token;
	q->is_tcp = ev->resolve.is_tcp;
	resolver_append(m, q);
	if (q->is_tcp) {
		q->out[q->out_size++] = (uint8_t)(ev->resolve.size >> 8);
		q->out[q->out_size++] = (uint8_t)ev->resolve.size;
	}
	memcpy(q->out + q->out_size, ev->resolve.query, ev->resolve.size);
	q->out_size += ev->resolve.size;
	q->fd = resolver_connect(m->network.resolver, q->is_tcp);
	q->source = q->fd < 0 ? NULL
			      : loop_add(m->loop, q->fd, EPOLLIN | EPOLLOUT, resolver_on_event, q);
	if (!q->source)
		resolver_finish(q, NULL, 0);
}
