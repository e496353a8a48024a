/* Queries to a DNS server of the host's go there, answers come back. Must not look into them.
 *
 *   datagram ──> a place in the table of askers ──RESOLVE token──> host ──RESOLVED──> datagram
 *   connection ──> length, query ──RESOLVE token──> host ──RESOLVED──> length, answer ──> next
 * query
 *
 * A token is the asker's place and a number that makes answers to a former asker of it harmless. */
#include "init/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/control.h"
#include "init/loop.h"
#include "init/nat.h"
#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/proto.h"

#define RESOLVER_PORT	      53
#define RESOLVER_UDP_MAX      256 /* at a time; the oldest is forgotten */
#define RESOLVER_TCP_MAX      32
#define RESOLVER_PREFIX_BYTES 2
#define RESOLVER_TCP_TOKEN    0x80000000u
#define RESOLVER_PLACE_MASK   0xffu

struct resolver_connection {
	struct loop_source source; /* first: the callback gets this */
	bool is_half_closed;	   /* it asks nothing more, and may be gone: its place can be had */
	uint32_t token;		   /* of the query that is under way; 0: none */
	size_t in_size;
	uint8_t *out; /* the answer, until it is written */
	size_t out_size;
	size_t out_at;
	uint8_t in[RESOLVER_PREFIX_BYTES + PROTO_QUERY_MAX_BYTES];
};

static struct {
	struct loop_source udp;
	struct loop_source tcp;
	uint32_t address;
	uint32_t number; /* of the last query */
	struct {
		uint32_t token; /* 0: nobody */
		struct sockaddr_in asker;
	} askers[RESOLVER_UDP_MAX];
	struct resolver_connection *connections; /* RESOLVER_TCP_MAX, made when first wanted */
} resolver = {.udp.fd = -1, .tcp.fd = -1};

static uint32_t resolver_token(uint32_t place)
{
	resolver.number = (resolver.number + 1) & 0x3fffff;
	return (resolver.number << 8 | place) | 0x40000000u;
}

static void resolver_on_datagram(struct loop_source *s, uint32_t events)
{
	uint8_t query[PROTO_QUERY_MAX_BYTES + 1];
	struct sockaddr_in asker;
	socklen_t size = sizeof(asker);
	uint32_t place = (resolver.number + 1) % RESOLVER_UDP_MAX;
	ssize_t n = recvfrom(s->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&asker,
			     &size);

	(void)events;
	if (n <= 0 || n > PROTO_QUERY_MAX_BYTES)
		return;
	resolver.askers[place].token = resolver_token(place);
	resolver.askers[place].asker = asker;
	/* Lost like any datagram that comes too fast. */
	if (!control_send_resolve(resolver.askers[place].token, false, query, (uint16_t)n))
		resolver.askers[place].token = 0;
}

/* --- connections --- */

static void resolver_hang_up(struct resolver_connection *c)
{
	int fd = c->source.fd;

	loop_remove(&c->source);
	fd_close(&fd);
	free(c->out);
	c->out = NULL;
	c->token = 0;
}

/* Sends the query that is there in full; the rest stays for after its answer. */
static void resolver_take_query(struct resolver_connection *c)
{
	size_t size = (size_t)c->in[0] << 8 | c->in[1];

	if (c->token || c->out || c->in_size < RESOLVER_PREFIX_BYTES)
		return;
	if (!size || size > PROTO_QUERY_MAX_BYTES) {
		resolver_hang_up(c);
		return;
	}
	if (c->in_size < RESOLVER_PREFIX_BYTES + size)
		return;
	c->token = resolver_token((uint32_t)(c - resolver.connections)) | RESOLVER_TCP_TOKEN;
	if (!control_send_resolve(c->token, true, c->in + RESOLVER_PREFIX_BYTES, (uint16_t)size)) {
		resolver_hang_up(c);
		return;
	}
	c->in_size -= RESOLVER_PREFIX_BYTES + size;
	memmove(c->in, c->in + RESOLVER_PREFIX_BYTES + size, c->in_size);
}

/* Reads only while no query is under way: a client that sends on waits in its socket. */
static void resolver_update_events(struct resolver_connection *c)
{
	uint32_t hang_up = c->is_half_closed ? 0 : EPOLLRDHUP;

	loop_set(&c->source, c->out ? EPOLLOUT | hang_up : c->token ? hang_up : EPOLLIN);
}

static void resolver_write(struct resolver_connection *c)
{
	ssize_t n = send(c->source.fd, c->out + c->out_at, c->out_size - c->out_at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		resolver_hang_up(c);
		return;
	}
	if (n > 0)
		c->out_at += (size_t)n;
	if (c->out_at == c->out_size) {
		free(c->out);
		c->out = NULL;
		resolver_take_query(c);
	}
}

static void resolver_read(struct resolver_connection *c)
{
	ssize_t n =
		recv(c->source.fd, c->in + c->in_size, sizeof(c->in) - c->in_size, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		resolver_hang_up(c);
		return;
	}
	c->in_size += (size_t)n;
	resolver_take_query(c);
}

static void resolver_on_connection(struct loop_source *s, uint32_t events)
{
	struct resolver_connection *c = (struct resolver_connection *)s;

	if (events & EPOLLRDHUP)
		c->is_half_closed = true;
	if (c->out && (events & EPOLLOUT))
		resolver_write(c);
	else if (!c->out && !c->token && (events & EPOLLIN))
		resolver_read(c);
	else if (events & (EPOLLERR | EPOLLHUP))
		resolver_hang_up(c);
	if (c->source.fd >= 0)
		resolver_update_events(c);
}

/* A client that has asked and does not wait for the answer looks like one that does. It keeps its
 * place until somebody else needs it. */
static struct resolver_connection *resolver_free_place(void)
{
	struct resolver_connection *half_closed = NULL;

	for (int i = 0; i < RESOLVER_TCP_MAX; i++) {
		struct resolver_connection *c = &resolver.connections[i];

		if (c->source.fd < 0)
			return c;
		if (c->is_half_closed)
			half_closed = c;
	}
	if (half_closed)
		resolver_hang_up(half_closed);
	return half_closed;
}

static void resolver_on_connect(struct loop_source *s, uint32_t events)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct resolver_connection *c = fd < 0 ? NULL : resolver_free_place();

	(void)events;
	if (!c) {
		fd_close(&fd);
		return;
	}
	*c = (struct resolver_connection){.source.fd = -1};
	loop_add(&c->source, fd, EPOLLIN, resolver_on_connection);
}

/* --- answers --- */

static void resolver_answer_connection(uint32_t token, const uint8_t *answer, size_t size)
{
	uint32_t place = token & RESOLVER_PLACE_MASK;
	struct resolver_connection *c;

	if (!resolver.connections || place >= RESOLVER_TCP_MAX)
		return;
	c = &resolver.connections[place];
	if (c->token != token)
		return;
	c->token = 0;
	if (!size || size > UINT16_MAX) {
		resolver_hang_up(c);
		return;
	}
	c->out = xmalloc(RESOLVER_PREFIX_BYTES + size);
	c->out[0] = (uint8_t)(size >> 8);
	c->out[1] = (uint8_t)size;
	memcpy(c->out + RESOLVER_PREFIX_BYTES, answer, size);
	c->out_size = RESOLVER_PREFIX_BYTES + size;
	c->out_at = 0;
	resolver_update_events(c);
}

void resolver_on_answer(uint32_t token, struct wire_in *in)
{
	size_t size = in->size - in->at;
	const uint8_t *answer = wire_get_bytes(in, size);
	uint32_t place = token & RESOLVER_PLACE_MASK;

	if (token & RESOLVER_TCP_TOKEN) {
		resolver_answer_connection(token, answer, size);
		return;
	}
	if (resolver.askers[place].token != token)
		return;
	resolver.askers[place].token = 0;
	/* Without an answer the asker's own time limit speaks, as with a server that is silent. */
	if (size && resolver.udp.fd >= 0)
		(void)sendto(resolver.udp.fd, answer, size, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&resolver.askers[place].asker,
			     sizeof(resolver.askers[place].asker));
}

/* --- listening --- */

static int resolver_listen(int type, uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(resolver.address)},
	};
	auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, RESOLVER_TCP_MAX) < 0))
		return -errno;
	return take_fd(fd);
}

static uint16_t resolver_port(int fd)
{
	struct sockaddr_in address = {0};
	socklen_t size = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &size) < 0 ? 0
								       : ntohs(address.sin_port);
}

/* At ports of the kernel's choice behind a rule, as docker does it: the container may have a DNS
 * server of its own at port 53 of all addresses. At port 53 itself where the kernel has no rules.
 */
static int resolver_open(int *ret_udp, int *ret_tcp)
{
	auto_close int udp = resolver_listen(SOCK_DGRAM, 0);
	auto_close int tcp = resolver_listen(SOCK_STREAM, 0);

	if (udp < 0 || tcp < 0 ||
	    nat_redirect_local(resolver.address, RESOLVER_PORT, resolver_port(udp),
			       resolver_port(tcp)) < 0) {
		fd_close(&udp);
		fd_close(&tcp);
		udp = resolver_listen(SOCK_DGRAM, RESOLVER_PORT);
		tcp = resolver_listen(SOCK_STREAM, RESOLVER_PORT);
	}
	if (udp < 0 || tcp < 0)
		return udp < 0 ? udp : tcp;
	*ret_udp = take_fd(udp);
	*ret_tcp = take_fd(tcp);
	return 0;
}

bool resolver_has_socket(uint32_t inode)
{
	const int fds[] = {resolver.udp.fd, resolver.tcp.fd};
	struct stat st;

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (fds[i] >= 0 && fstat(fds[i], &st) == 0 && (uint32_t)st.st_ino == inode)
			return true;
	}
	return false;
}

void resolver_set(uint32_t address)
{
	bool is_listening = resolver.udp.fd >= 0;
	int udp;
	int tcp;
	int r;

	/* Once it listens it stays: the host says that there is no answer when there is none. */
	if (!address || is_listening)
		return;
	resolver.address = address;
	if (!resolver.connections) {
		resolver.connections = xcalloc(RESOLVER_TCP_MAX, sizeof(*resolver.connections));
		for (int i = 0; i < RESOLVER_TCP_MAX; i++)
			resolver.connections[i].source.fd = -1;
	}
	r = resolver_open(&udp, &tcp);
	if (r < 0) {
		control_send_log(PROTO_LOG_WARN, "init: listening for DNS queries: errno %d", -r);
		return;
	}
	loop_add(&resolver.udp, udp, EPOLLIN, resolver_on_datagram);
	loop_add(&resolver.tcp, tcp, EPOLLIN, resolver_on_connect);
}
