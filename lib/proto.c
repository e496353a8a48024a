/* The host <-> guest protocol: frames and the reader of hostile ones. Must not act on them. */
#include "lib/proto.h"

#include <errno.h>
#include <string.h>

const char *proto_type_name(unsigned int type)
{
	switch (type) {
#define X(name, number)                                                                            \
	case number:                                                                               \
		return #name;
		PROTO_GUEST_MESSAGES(X)
		PROTO_HOST_MESSAGES(X)
#undef X
	default:
		return NULL;
	}
}

size_t proto_frame_begin(struct wire_out *o, unsigned int type, uint16_t session)
{
	size_t begin = o->size;

	wire_put_u32(o, 0);
	wire_put_u16(o, (uint16_t)type);
	wire_put_u16(o, session);
	return begin;
}

void proto_frame_end(struct wire_out *o, size_t begin)
{
	wire_set_u32(o, begin, (uint32_t)(o->size - begin - PROTO_HEADER_BYTES));
}

bool proto_header_parse(const uint8_t *data, size_t size, uint32_t *ret_payload_bytes,
			uint16_t *ret_type, uint16_t *ret_session)
{
	struct wire_in in;

	if (size < PROTO_HEADER_BYTES)
		return false;
	wire_in_init(&in, data, PROTO_HEADER_BYTES);
	*ret_payload_bytes = wire_get_u32(&in);
	*ret_type = wire_get_u16(&in);
	*ret_session = wire_get_u16(&in);
	return true;
}

/* Copies a text so that it can be shown: one line, no control characters. */
static void proto_text_get(struct wire_in *in, char text[PROTO_TEXT_MAX_BYTES + 1])
{
	const char *from = wire_get_str(in);
	size_t size = from ? strlen(from) : 0;

	if (!from || size > PROTO_TEXT_MAX_BYTES) {
		in->is_bad = true;
		return;
	}
	memcpy(text, from, size + 1);
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
}

/* A number that must be below `limit`. */
static uint8_t proto_enum_get(struct wire_in *in, unsigned int limit)
{
	uint8_t v = wire_get_u8(in);

	if (v >= limit)
		in->is_bad = true;
	return v;
}

static void proto_hello_get(struct wire_in *in, struct proto_event *ev)
{
	if (wire_get_u32(in) != PROTO_MAGIC)
		in->is_bad = true;
	ev->hello.version = wire_get_u16(in);
	ev->hello.boot_us = wire_get_u64(in);
	proto_text_get(in, ev->text);
}

static void proto_stream_end_get(struct wire_in *in, struct proto_event *ev)
{
	ev->stream_end.stream = proto_enum_get(in, PROTO_STREAM_COUNT);
	if (ev->stream_end.stream == PROTO_STDIN)
		in->is_bad = true;
	ev->stream_end.total_bytes = wire_get_u64(in);
}

static void proto_exited_get(struct wire_in *in, struct proto_event *ev)
{
	ev->exited.how = proto_enum_get(in, PROTO_EXIT_COUNT);
	ev->exited.number = wire_get_u8(in);
	for (int i = 0; i < 2; i++)
		ev->exited.marks[i] = wire_get_u64(in);
	if (ev->exited.how == PROTO_EXIT_SIGNAL && (!ev->exited.number || ev->exited.number > 64))
		in->is_bad = true;
}

static void proto_resolve_get(struct wire_in *in, struct proto_event *ev)
{
	const void *query;

	ev->resolve.token = wire_get_u32(in);
	ev->resolve.is_tcp = proto_enum_get(in, 2);
	ev->resolve.size = wire_get_u16(in);
	if (!ev->resolve.size || ev->resolve.size > PROTO_QUERY_MAX_BYTES) {
		in->is_bad = true;
		return;
	}
	query = wire_get_bytes(in, ev->resolve.size);
	if (query)
		memcpy(ev->resolve.query, query, ev->resolve.size);
}

static void proto_listening_get(struct wire_in *in, struct proto_event *ev)
{
	uint32_t count = wire_get_count(in, 1 + 2 + 4);

	if (count > PROTO_LISTENER_MAX) {
		in->is_bad = true;
		return;
	}
	ev->listening.count = count;
	for (uint32_t i = 0; i < count; i++) {
		struct proto_listener *l = &ev->listening.at[i];

		l->is_udp = proto_enum_get(in, 2);
		l->port = wire_get_u16(in);
		l->address = wire_get_u32(in);
		if (!l->port)
			in->is_bad = true;
	}
}

static bool proto_payload_get(struct wire_in *in, struct proto_event *ev)
{
	switch (ev->type) {
	case PROTO_GUEST_HELLO:
		proto_hello_get(in, ev);
		break;
	case PROTO_GUEST_CREATED:
	case PROTO_GUEST_STARTED:
		ev->mark.at_us = wire_get_u64(in);
		break;
	case PROTO_GUEST_FAILED:
	case PROTO_GUEST_NOTIFY:
		proto_text_get(in, ev->text);
		break;
	case PROTO_GUEST_STREAM_END:
		proto_stream_end_get(in, ev);
		break;
	case PROTO_GUEST_STDIN_CLOSED:
		break;
	case PROTO_GUEST_EXITED:
		proto_exited_get(in, ev);
		break;
	case PROTO_GUEST_SIGNALLED:
		ev->signalled.token = wire_get_u32(in);
		ev->signalled.error = wire_get_u32(in);
		break;
	case PROTO_GUEST_LOG:
		ev->log.level = proto_enum_get(in, PROTO_LOG_COUNT);
		proto_text_get(in, ev->text);
		break;
	case PROTO_GUEST_OOM:
		ev->oom.count = wire_get_u64(in);
		break;
	case PROTO_GUEST_RESOLVE:
		proto_resolve_get(in, ev);
		break;
	case PROTO_GUEST_LISTENING:
		proto_listening_get(in, ev);
		break;
	default:
		return false;
	}
	return wire_in_end(in);
}

int proto_guest_parse(const uint8_t *data, size_t size, struct proto_event *ret_event,
		      struct err *e)
{
	struct proto_event ev = {0};
	uint32_t payload;
	uint16_t type;
	struct wire_in in;

	if (!proto_header_parse(data, size, &payload, &type, &ev.session))
		return 0;
	if (payload > PROTO_GUEST_MAX_BYTES)
		return err_set(e, -EPROTO, "guest: frame of type %u announces %u bytes, limit %u",
			       type, payload, PROTO_GUEST_MAX_BYTES);
	if (size - PROTO_HEADER_BYTES < payload)
		return 0;
	ev.type = type;
	wire_in_init(&in, data + PROTO_HEADER_BYTES, payload);
	if (!proto_payload_get(&in, &ev)) {
		const char *name = proto_type_name(type);

		return err_set(e, -EPROTO, "guest: malformed frame of type %u (%s), %u bytes", type,
			       name ? name : "unknown", payload);
	}
	*ret_event = ev;
	return (int)(PROTO_HEADER_BYTES + payload);
}

void proto_wake_put(struct wire_out *o, const struct proto_wake *wake)
{
	size_t begin = proto_frame_begin(o, PROTO_HOST_WAKE, 0);

	wire_put_u64(o, (uint64_t)wake->clock_realtime_ns);
	wire_put_bytes(o, wake->seed, sizeof(wake->seed));
	proto_frame_end(o, begin);
}

bool proto_wake_get(struct wire_in *in, struct proto_wake *ret)
{
	const void *seed;

	ret->clock_realtime_ns = (int64_t)wire_get_u64(in);
	seed = wire_get_bytes(in, sizeof(ret->seed));
	if (seed)
		memcpy(ret->seed, seed, sizeof(ret->seed));
	return wire_in_end(in);
}
