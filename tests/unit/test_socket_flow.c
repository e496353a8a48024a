/* Relayed sockets: frames come back, hostile ones do not, windows hold, ends and closes in every
 * order leave nothing behind. */
#include "lib/socket_flow.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/unit/tap.h"

static void put(struct wire_out *o, enum socket_frame_type type, uint16_t connection,
		const void *payload, size_t size)
{
	wire_put_u32(o, (uint32_t)size);
	wire_put_u16(o, (uint16_t)type);
	wire_put_u16(o, connection);
	wire_put_bytes(o, payload, size);
}

static void refuse(enum socket_frame_type type, uint16_t connection, const void *payload,
		   size_t size, const char *name)
{
	struct wire_out o = {0};
	struct socket_frame f;
	struct err e = {0};

	put(&o, type, connection, payload, size);
	ok(socket_link_parse(o.data, o.size, &f, &e) == -EPROTO && *e.text, "%s", name);
	wire_out_done(&o);
}

static void test_frames(void)
{
	struct socket_frame out = {.type = SOCKET_OPEN, .connection = 5, .open = {1, 1000, 2000}};
	struct wire_out o = {0};
	struct socket_frame in;
	struct err e;

	socket_link_put(&o, &out);
	is_int(socket_link_parse(o.data, o.size, &in, &e), (long long)o.size, "OPEN comes back");
	ok(in.type == SOCKET_OPEN && in.connection == 5 && in.open.socket == 1 &&
		   in.open.uid == 1000 && in.open.gid == 2000,
	   "with its members");
	is_int(socket_link_parse(o.data, o.size - 1, &in, &e), 0, "a part of it is not complete");
	wire_out_done(&o);
	refuse(0, 0, "", 0, "type 0 is refused");
	refuse(99, 0, "", 0, "an unknown type is refused");
	refuse(SOCKET_END, SOCKET_CONNECTION_MAX, "", 0, "a connection out of range is refused");
	refuse(SOCKET_END, 0, "x", 1, "trailing bytes are refused");
	refuse(SOCKET_DATA, 0, "", 0, "no data is refused");
	refuse(SOCKET_CREDIT, 0, "\0\0\0\0", 4, "no credit is refused");
	refuse(SOCKET_CREDIT, 0, "\xff\xff\xff\xff", 4, "credit beyond the window is refused");
	refuse(SOCKET_OPEN, 0, "\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 12, "uid -1 is refused");
	refuse(SOCKET_CLOSE, 0, "\0", 1, "a short close is refused");
	put(&o, SOCKET_DATA, 0, "", 0);
	wire_set_u32(&o, 0, SOCKET_DATA_MAX_BYTES + 1);
	is_int(socket_link_parse(o.data, o.size, &in, &e), -EPROTO,
	       "a length beyond the limit is refused before it is there");
	wire_out_done(&o);
}

/* The next frame of `o`, from *at. */
static struct socket_frame next(const struct wire_out *o, size_t *at)
{
	struct socket_frame f = {0};
	struct err e;
	int used = socket_link_parse(o->data + *at, o->size - *at, &f, &e);

	*at += used > 0 ? (size_t)used : 0;
	return f;
}

static struct socket_flow open_flow(int *ret_peer)
{
	struct socket_flow f;
	int fds[2];

	socket_flow_init(&f, 3);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	f.fd = fds[0];
	*ret_peer = fds[1];
	return f;
}

static int take(struct socket_flow *f, enum socket_frame_type type, const char *data)
{
	struct socket_frame frame = {.type = type, .connection = f->connection};
	struct err e;

	if (type == SOCKET_DATA) {
		frame.data.at = (const uint8_t *)data;
		frame.data.size = (uint32_t)strlen(data);
	}
	return socket_flow_take(f, &frame, &e);
}

static void test_half_close(void)
{
	struct wire_out o = {0};
	size_t at = 0;
	int peer;
	struct socket_flow f = open_flow(&peer);
	struct socket_frame frame;
	char text[16];

	(void)!write(peer, "question", 8);
	shutdown(peer, SHUT_WR);
	socket_flow_work(&f, &o, true);
	frame = next(&o, &at);
	ok(frame.type == SOCKET_DATA && frame.data.size == 8 &&
		   !memcmp(frame.data.at, "question", 8),
	   "what was written becomes DATA");
	is_int(next(&o, &at).type, SOCKET_END, "a half-close becomes END");
	ok(!f.is_closed_out, "the connection stays for the answer");
	is_int(socket_flow_events(&f, true), EPOLLHUP, "which only a hang-up could end");
	is_int(take(&f, SOCKET_DATA, "answer"), 0, "DATA is taken");
	is_int(take(&f, SOCKET_END, NULL), 0, "END is taken");
	socket_flow_work(&f, &o, true);
	is_int(read(peer, text, sizeof(text)), 6, "the answer arrives");
	is_int(read(peer, text, sizeof(text)), 0, "and its end");
	is_int(next(&o, &at).type, SOCKET_CLOSE, "both halves are closed: CLOSE");
	ok(f.is_closed_out && !socket_flow_is_over(&f), "over when the other side says it too");
	is_int(take(&f, SOCKET_CLOSE, NULL), 0, "CLOSE is taken");
	ok(socket_flow_is_over(&f), "then the number is free");
	is_int(take(&f, SOCKET_CLOSE, NULL), -EPROTO, "a second CLOSE is refused");
	socket_flow_done(&f);
	close(peer);
	wire_out_done(&o);
}

static void test_close_in(void)
{
	struct wire_out o = {0};
	size_t at = 0;
	int peer;
	struct socket_flow f = open_flow(&peer);
	char text[16];

	is_int(take(&f, SOCKET_DATA, "last"), 0, "the last words");
	is_int(take(&f, SOCKET_END, NULL) | take(&f, SOCKET_CLOSE, NULL), 0,
	       "END and CLOSE at once");
	socket_flow_work(&f, &o, true);
	is_int(next(&o, &at).type, SOCKET_CLOSE, "are answered");
	socket_flow_done(&f);
	is_int(read(peer, text, sizeof(text)), 4, "when the last words have been passed on");
	is_int(read(peer, text, sizeof(text)), 0, "and the end");
	is_int(send(peer, "x", 1, MSG_NOSIGNAL), -1, "nothing can be sent any more");
	close(peer);
	wire_out_done(&o);
}

static void test_hang_up(void)
{
	struct wire_out o = {0};
	size_t at = 0;
	int peer;
	struct socket_flow f = open_flow(&peer);

	(void)!write(peer, "bye", 3);
	close(peer);
	socket_flow_work(&f, &o, true);
	is_int(next(&o, &at).type, SOCKET_DATA, "of one that is gone what it wrote is passed on");
	is_int(next(&o, &at).type, SOCKET_END, "its end");
	is_int(next(&o, &at).type, SOCKET_CLOSE, "and that it takes nothing");
	is_int(take(&f, SOCKET_DATA, "late"), 0, "what was under way is thrown away");
	is_int(f.size, 0, "and kept nowhere");
	socket_flow_done(&f);
	wire_out_done(&o);
}

static void test_windows(void)
{
	static uint8_t bytes[SOCKET_DATA_MAX_BYTES];
	struct socket_frame data = {.type = SOCKET_DATA, .data = {bytes, sizeof(bytes)}};
	struct socket_frame credit = {.type = SOCKET_CREDIT, .credit = 1};
	struct wire_out o = {0};
	size_t sent = 0;
	size_t at = 0;
	int peer;
	struct socket_flow f = open_flow(&peer);
	struct err e;
	int r = 0;

	is_int(socket_flow_take(&f, &credit, &e), -EPROTO,
	       "credit for what was not sent is refused");
	while (write(peer, bytes, sizeof(bytes)) > 0)
		;
	for (int i = 0; i < 50; i++)
		socket_flow_work(&f, &o, true);
	while (at < o.size)
		sent += next(&o, &at).data.size;
	is_int((long long)sent, SOCKET_WINDOW_BYTES, "no more is sent than the window");
	is_int(socket_flow_events(&f, true), 0, "and the socket is not watched");
	is_int(socket_flow_take(&f, &credit, &e), 0, "credit is taken");
	is_int(socket_flow_events(&f, true), EPOLLIN, "and used");
	is_int(socket_flow_events(&f, false), 0, "unless the link is full");
	socket_flow_done(&f);
	socket_flow_init(&f, 3);
	for (int i = 0; r == 0 && i < SOCKET_WINDOW_BYTES / SOCKET_DATA_MAX_BYTES; i++)
		r = socket_flow_take(&f, &data, &e);
	is_int(r, 0, "a window is kept before there is a socket");
	is_int(socket_flow_take(&f, &data, &e), -EPROTO, "more is refused");
	is_int(take(&f, SOCKET_END, NULL), 0, "its end");
	data.data.size = 1;
	is_int(socket_flow_take(&f, &data, &e), -EPROTO, "data after the end is refused");
	is_int(take(&f, SOCKET_END, NULL), -EPROTO, "a second end is refused");
	is_int(take(&f, SOCKET_OPEN, NULL), -EPROTO, "a second open is refused");
	socket_flow_done(&f);
	close(peer);
	wire_out_done(&o);
}

static void test_credit(void)
{
	static char bytes[SOCKET_DATA_MAX_BYTES + 1];
	struct wire_out o = {0};
	size_t at = 0;
	int peer;
	struct socket_flow f = open_flow(&peer);
	struct socket_frame frame;

	memset(bytes, 'x', sizeof(bytes) - 1);
	is_int(take(&f, SOCKET_DATA, "few"), 0, "some bytes");
	socket_flow_work(&f, &o, true);
	is_int((long long)o.size, 0, "are not worth a CREDIT");
	is_int(take(&f, SOCKET_DATA, bytes), 0, "many");
	socket_flow_work(&f, &o, true);
	frame = next(&o, &at);
	ok(frame.type == SOCKET_CREDIT && frame.credit == SOCKET_DATA_MAX_BYTES + 3, "are");
	socket_flow_refuse(&f, &o, ECONNREFUSED);
	frame = next(&o, &at);
	ok(frame.type == SOCKET_CLOSE && frame.error == ECONNREFUSED, "a refusal has its reason");
	socket_flow_refuse(&f, &o, EIO);
	ok(at == o.size, "and is said once");
	socket_flow_done(&f);
	close(peer);
	wire_out_done(&o);
}

int main(void)
{
	test_frames();
	test_half_close();
	test_close_in();
	test_hang_up();
	test_windows();
	test_credit();
	return done_testing();
}
