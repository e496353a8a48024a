/* The streams of a session: relays and what their events mean. Must not know ports or clients. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/fd.h"

static void session_on_relay(void *arg, enum relay_event event)
{
	struct session_stream *stream = arg;
	struct session *s = stream->session;
	struct err e;

	switch (event) {
	case RELAY_SOURCE_ENDED:
		guest_send_stdin_end(s, relay_moved(stream->relay));
		break;
	case RELAY_READER_GONE:
		guest_send_reader_gone(s, stream->stream);
		break;
	case RELAY_MARKED:
	case RELAY_DRAINED:
		session_check_end(s);
		break;
	case RELAY_OVERRUN:
		err_set(&e, -EPROTO, "guest: more bytes on stream %d than it announced",
			stream->stream);
		monitor_break(s->monitor, &e);
		break;
	}
}

void session_open_streams(struct session *s, const int stdio[PROTO_STREAM_COUNT],
			  const int fifos[PROTO_STREAM_COUNT])
{
	struct loop *loop = s->monitor->loop;

	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		struct session_stream *stream = &s->streams[i];
		bool is_input = i == PROTO_STDIN;
		int own = stdio[i];

		*stream = (struct session_stream){.session = s, .stream = i};
		if (fifos[i] < 0) {
			fd_close(&own);
			continue;
		}
		if (own >= 0)
			own = relay_take_stdio(own, is_input);
		/* relay_new_outgoing() may report at once that nobody reads. */
		if (is_input)
			stream->relay =
				relay_new_incoming(loop, own, fifos[i], session_on_relay, stream);
		else
			stream->relay =
				relay_new_outgoing(loop, fifos[i], own, session_on_relay, stream);
	}
}

void session_close_streams(struct session *s)
{
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		relay_free(s->streams[i].relay);
		s->streams[i].relay = NULL;
	}
}

bool session_is_drained(const struct session *s)
{
	if (!s->has_exit)
		return false;
	for (int i = PROTO_STDOUT; i < PROTO_STREAM_COUNT; i++) {
		const struct relay *relay = s->streams[i].relay;

		if (s->number ? !relay_is_marked(relay) : !relay_is_done(relay))
			return false;
	}
	return true;
}

bool session_is_ended(const struct session *s)
{
	if (!s->has_exit)
		return false;
	for (int i = PROTO_STDOUT; i < PROTO_STREAM_COUNT; i++) {
		const struct session_stream *stream = &s->streams[i];

		if (stream->relay && (!stream->has_end || !relay_is_done(stream->relay)))
			return false;
	}
	return true;
}

void session_check_end(struct session *s)
{
	if (!s->number) {
		monitor_end_when_over(s->monitor);
		return;
	}
	if (session_is_drained(s))
		exec_on_drained(s);
	if (session_is_ended(s))
		exec_on_ended(s);
}
