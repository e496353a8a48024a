/* Fuzz target: the link of relayed sockets, as the monitor takes it: frames, windows, connections
 * that open and close. The first byte says how the servers behave. */
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/socket_flow.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_OUT_MAX (8u << 20)

static struct socket_flow fuzz_flows[SOCKET_CONNECTION_MAX];
static int fuzz_peers[SOCKET_CONNECTION_MAX];
static uint8_t fuzz_is_used[SOCKET_CONNECTION_MAX];

static void fuzz_open(uint16_t number, uint8_t manners)
{
	int fds[2];

	fuzz_is_used[number] = 1;
	fuzz_peers[number] = -1;
	socket_flow_init(&fuzz_flows[number], number);
	if ((manners & 1) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return; /* it is still connecting */
	fuzz_flows[number].fd = fds[0];
	fuzz_peers[number] = fds[1];
	if (manners & 2)
		(void)!write(fds[1], fuzz_is_used, sizeof(fuzz_is_used));
	if (manners & 4)
		shutdown(fds[1], SHUT_WR);
	if (manners & 8)
		fd_close(&fuzz_peers[number]);
}

static void fuzz_end(uint16_t number)
{
	socket_flow_done(&fuzz_flows[number]);
	fd_close(&fuzz_peers[number]);
	fuzz_is_used[number] = 0;
}

/* False at a violation. */
static int fuzz_take(const struct socket_frame *frame, struct wire_out *out, uint8_t manners,
		     struct err *e)
{
	struct socket_flow *f = &fuzz_flows[frame->connection];
	char text[4096];

	if (frame->type == SOCKET_OPEN) {
		if (fuzz_is_used[frame->connection])
			return 0;
		fuzz_open(frame->connection, manners);
	} else if (!fuzz_is_used[frame->connection] || socket_flow_take(f, frame, e) < 0) {
		return 0;
	}
	socket_flow_work(f, out, out->size < FUZZ_OUT_MAX);
	if (f->size + f->owed > SOCKET_WINDOW_BYTES || f->room > SOCKET_WINDOW_BYTES ||
	    f->at + f->size > SOCKET_WINDOW_BYTES)
		abort();
	(void)socket_flow_events(f, true);
	if ((manners & 16) && fuzz_peers[frame->connection] >= 0)
		(void)!read(fuzz_peers[frame->connection], text, sizeof(text));
	if (f->is_closed_out)
		socket_flow_done(f);
	if (socket_flow_is_over(f))
		fuzz_end(frame->connection);
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_out out = {0};
	uint8_t manners = size ? data[0] : 0;
	size_t at = 1;
	int used = 1;

	while (at < size && used > 0) {
		struct socket_frame frame;
		struct err e = {0};

		used = socket_link_parse(data + at, size - at, &frame, &e);
		if (used < 0)
			fuzz_check_line(&e);
		else if (used > 0 && !fuzz_take(&frame, &out, manners, &e))
			break;
		at += used > 0 ? (size_t)used : 0;
	}
	for (uint16_t i = 0; i < SOCKET_CONNECTION_MAX; i++) {
		if (fuzz_is_used[i])
			fuzz_end(i);
	}
	wire_out_done(&out);
	return 0;
}
