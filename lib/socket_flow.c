/* Bytes of one relayed connection. Must not trust the other side: the guest is one. */
#include "lib/socket_flow.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define SOCKET_FLOW_ROUNDS	 8 /* of reading, before others have their turn */
#define SOCKET_FLOW_CREDIT_BYTES (SOCKET_WINDOW_BYTES / 4)

void socket_flow_init(struct socket_flow *f, uint16_t connection)
{
	*f = (struct socket_flow){.fd = -1, .connection = connection, .room = SOCKET_WINDOW_BYTES};
}

void socket_flow_done(struct socket_flow *f)
{
	fd_close(&f->fd);
	free(f->data);
	f->data = NULL;
	f->size = 0;
}

static int socket_flow_violation(const struct socket_flow *f, const char *what, struct err *e)
{
	return err_set(e, -EPROTO, "guest: sockets: connection %u: %s", f->connection, what);
}

static int socket_flow_take_data(struct socket_flow *f, const struct socket_frame *frame,
				 struct err *e)
{
	if (f->has_end_in)
		return socket_flow_violation(f, "data after its end", e);
	if (frame->data.size > SOCKET_WINDOW_BYTES - f->size - f->owed)
		return socket_flow_violation(f, "more data than it was given credit for", e);
	if (f->is_closed_out)
		return 0;
	if (!f->data)
		f->data = xmalloc(SOCKET_WINDOW_BYTES);
	if (f->at + f->size + frame->data.size > SOCKET_WINDOW_BYTES) {
		memmove(f->data, f->data + f->at, f->size);
		f->at = 0;
	}
	memcpy(f->data + f->at + f->size, frame->data.at, frame->data.size);
	f->size += frame->data.size;
	return 0;
}

int socket_flow_take(struct socket_flow *f, const struct socket_frame *frame, struct err *e)
{
	if (f->is_closed_in)
		return socket_flow_violation(f, "a frame after its close", e);
	switch (frame->type) {
	case SOCKET_DATA:
		return socket_flow_take_data(f, frame, e);
	case SOCKET_CREDIT:
		if (frame->credit > SOCKET_WINDOW_BYTES - f->room)
			return socket_flow_violation(f, "credit for more than was sent", e);
		f->room += frame->credit;
		return 0;
	case SOCKET_END:
		if (f->has_end_in)
			return socket_flow_violation(f, "a second end", e);
		f->has_end_in = true;
		return 0;
	case SOCKET_CLOSE:
		f->is_closed_in = true;
		return 0;
	case SOCKET_OPEN:
		break;
	}
	return socket_flow_violation(f, "it is open already", e);
}

static void socket_flow_put(const struct socket_flow *f, struct wire_out *out,
			    struct socket_frame frame)
{
	frame.connection = f->connection;
	socket_link_put(out, &frame);
}

static void socket_flow_close(struct socket_flow *f, struct wire_out *out, int error)
{
	socket_flow_put(f, out,
			(struct socket_frame){.type = SOCKET_CLOSE, .error = (uint32_t)error});
	f->is_closed_out = true;
}

void socket_flow_refuse(struct socket_flow *f, struct wire_out *out, int error)
{
	if (!f->is_closed_out)
		socket_flow_close(f, out, error);
}

static void socket_flow_write(struct socket_flow *f, struct wire_out *out)
{
	while (f->size && !f->is_deaf) {
		ssize_t n = send(f->fd, f->data + f->at, f->size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			f->is_deaf = true;
			break;
		}
		f->at += (uint32_t)n;
		f->size -= (uint32_t)n;
		f->owed += (uint32_t)n;
	}
	/* Who does not read must not stop who writes: that one hears of it by CLOSE. */
	if (f->is_deaf) {
		f->owed += f->size;
		f->size = 0;
	}
	if (!f->size)
		f->at = 0;
	if (f->owed >= SOCKET_FLOW_CREDIT_BYTES) {
		socket_flow_put(f, out,
				(struct socket_frame){.type = SOCKET_CREDIT, .credit = f->owed});
		f->owed = 0;
	}
	if (!f->size && f->has_end_in && !f->is_shut) {
		shutdown(f->fd, SHUT_WR);
		f->is_shut = true;
	}
}

/* False when there is no more now. */
static bool socket_flow_read(struct socket_flow *f, struct wire_out *out)
{
	static uint8_t bytes[SOCKET_DATA_MAX_BYTES];
	size_t most = f->room < sizeof(bytes) ? f->room : sizeof(bytes);
	ssize_t n = recv(f->fd, bytes, most, MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		socket_flow_put(f, out, (struct socket_frame){.type = SOCKET_END});
		f->has_end_out = true;
		return false;
	}
	socket_flow_put(f, out,
			(struct socket_frame){.type = SOCKET_DATA,
					      .data = {.at = bytes, .size = (uint32_t)n}});
	f->room -= (uint32_t)n;
	return true;
}

static bool socket_flow_wants_data(const struct socket_flow *f)
{
	return f->fd >= 0 && !f->has_end_out && !f->is_closed_in && f->room;
}

/* Is its other end closed for both directions? */
static bool socket_flow_is_hung_up(const struct socket_flow *f)
{
	struct pollfd p = {.fd = f->fd};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

void socket_flow_work(struct socket_flow *f, struct wire_out *out, bool may_read)
{
	if (f->fd < 0 || f->is_closed_out)
		return;
	socket_flow_write(f, out);
	/* Its process learns by SIGPIPE, while what came before is still passed on to it. */
	if (f->is_closed_in)
		shutdown(f->fd, SHUT_RD);
	for (int i = 0; i < SOCKET_FLOW_ROUNDS && may_read && socket_flow_wants_data(f); i++) {
		if (!socket_flow_read(f, out))
			break;
	}
	if ((f->has_end_out && (f->is_shut || f->is_deaf || socket_flow_is_hung_up(f))) ||
	    (f->is_closed_in && !f->size))
		socket_flow_close(f, out, 0);
}

uint32_t socket_flow_events(const struct socket_flow *f, bool may_read)
{
	uint32_t events = 0;

	if (f->fd < 0 || f->is_closed_out)
		return 0;
	if (f->size && !f->is_deaf)
		events |= EPOLLOUT;
	if (may_read && socket_flow_wants_data(f))
		events |= EPOLLIN;
	/* A hang-up counts when all was read. */
	if (f->has_end_out)
		events |= EPOLLHUP;
	return events;
}

bool socket_flow_is_over(const struct socket_flow *f)
{
	return f->is_closed_in && f->is_closed_out;
}
