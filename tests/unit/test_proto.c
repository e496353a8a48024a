/* The reader of the guest's frames: every message comes back, every truncation waits for more,
 * every malformed frame is refused. */
#include "lib/proto.h"
#include "tests/unit/tap.h"

#include <errno.h>

/* One good frame of each message; a new message without a line here fails test_all_covered(). */
struct test_frame {
	const char *name;
	enum proto_guest_type type;
	void (*put)(struct wire_out *o);
	int (*is_good)(const struct proto_event *ev);
};

static void put_hello(struct wire_out *o)
{
	wire_put_u32(o, PROTO_MAGIC);
	wire_put_u16(o, 0x1234);
	wire_put_u64(o, 0x123456789abc);
	wire_put_str(o, "6.1.0");
}

static int is_hello(const struct proto_event *ev)
{
	return ev->hello.version == 0x1234 && ev->hello.boot_us == 0x123456789abc &&
	       !strcmp(ev->text, "6.1.0");
}

static void put_mark(struct wire_out *o)
{
	wire_put_u64(o, 77777777777);
}

static int is_mark(const struct proto_event *ev)
{
	return ev->mark.at_us == 77777777777;
}

static void put_failed(struct wire_out *o)
{
	wire_put_str(o, "exec: \"foo\"");
}

static int is_failed(const struct proto_event *ev)
{
	return !strcmp(ev->text, "exec: \"foo\"");
}

static void put_stream_end(struct wire_out *o)
{
	wire_put_u8(o, PROTO_STDERR);
	wire_put_u64(o, UINT64_MAX);
}

static int is_stream_end(const struct proto_event *ev)
{
	return ev->stream_end.stream == PROTO_STDERR && ev->stream_end.total_bytes == UINT64_MAX;
}

static void put_resolve(struct wire_out *o)
{
	wire_put_u32(o, 99);
	wire_put_u8(o, 1);
	wire_put_u16(o, 3);
	wire_put_bytes(o, "abc", 3);
}

static int is_resolve(const struct proto_event *ev)
{
	return ev->resolve.token == 99 && ev->resolve.is_tcp && ev->resolve.size == 3 &&
	       !memcmp(ev->resolve.query, "abc", 3);
}

static void put_oom(struct wire_out *o)
{
	wire_put_u64(o, 3);
}

static int is_oom(const struct proto_event *ev)
{
	return ev->oom.count == 3;
}

static void put_nothing(struct wire_out *o)
{
	(void)o;
}

static int is_nothing(const struct proto_event *ev)
{
	return !ev->text[0];
}

static void put_exited(struct wire_out *o)
{
	wire_put_u8(o, PROTO_EXIT_SIGNAL);
	wire_put_u8(o, 64);
	wire_put_u64(o, 5000000000);
	wire_put_u64(o, 1);
}

static int is_exited(const struct proto_event *ev)
{
	return ev->exited.how == PROTO_EXIT_SIGNAL && ev->exited.number == 64 &&
	       ev->exited.marks[0] == 5000000000 && ev->exited.marks[1] == 1;
}

static void put_signalled(struct wire_out *o)
{
	wire_put_u32(o, 0xdeadbeef);
	wire_put_u32(o, ESRCH);
}

static int is_signalled(const struct proto_event *ev)
{
	return ev->signalled.token == 0xdeadbeef && ev->signalled.error == ESRCH;
}

static void put_log(struct wire_out *o)
{
	wire_put_u8(o, PROTO_LOG_DEBUG);
	wire_put_str(o, "a line");
}

static int is_log(const struct proto_event *ev)
{
	return ev->log.level == PROTO_LOG_DEBUG && !strcmp(ev->text, "a line");
}

static void put_listening(struct wire_out *o)
{
	wire_put_u32(o, 2);
	wire_put_u8(o, 0);
	wire_put_u16(o, 80);
	wire_put_u32(o, 0x7f000001);
	wire_put_u8(o, 1);
	wire_put_u16(o, 65535);
	wire_put_u32(o, 0);
}

static int is_listening(const struct proto_event *ev)
{
	const struct proto_listener *at = ev->listening.at;

	return ev->listening.count == 2 && !at[0].is_udp && at[0].port == 80 &&
	       at[0].address == 0x7f000001 && at[1].is_udp && at[1].port == 65535 &&
	       at[1].address == 0;
}

static void put_notify(struct wire_out *o)
{
	wire_put_str(o, "READY=1");
}

static int is_notify(const struct proto_event *ev)
{
	return !strcmp(ev->text, "READY=1");
}

static const struct test_frame frames[] = {
	{"HELLO", PROTO_GUEST_HELLO, put_hello, is_hello},
	{"CREATED", PROTO_GUEST_CREATED, put_mark, is_mark},
	{"STARTED", PROTO_GUEST_STARTED, put_mark, is_mark},
	{"FAILED", PROTO_GUEST_FAILED, put_failed, is_failed},
	{"STREAM_END", PROTO_GUEST_STREAM_END, put_stream_end, is_stream_end},
	{"STDIN_CLOSED", PROTO_GUEST_STDIN_CLOSED, put_nothing, is_nothing},
	{"EXITED", PROTO_GUEST_EXITED, put_exited, is_exited},
	{"SIGNALLED", PROTO_GUEST_SIGNALLED, put_signalled, is_signalled},
	{"LOG", PROTO_GUEST_LOG, put_log, is_log},
	{"OOM", PROTO_GUEST_OOM, put_oom, is_oom},
	{"LISTENING", PROTO_GUEST_LISTENING, put_listening, is_listening},
	{"RESOLVE", PROTO_GUEST_RESOLVE, put_resolve, is_resolve},
	{"NOTIFY", PROTO_GUEST_NOTIFY, put_notify, is_notify},
};
#define FRAMES (sizeof(frames) / sizeof(*frames))

static void test_all_covered(void)
{
	static const unsigned int types[] = {
#define X(name, number) number,
		PROTO_GUEST_MESSAGES(X)
#undef X
	};

	is_int(sizeof(types) / sizeof(*types), FRAMES, "every message of the guest is tested here");
	for (size_t i = 0; i < FRAMES; i++)
		is_str(proto_type_name(frames[i].type), frames[i].name, "a type has its name");
	is_str(proto_type_name(PROTO_HOST_FINISH), "FINISH", "a host's type has a name too");
	ok(!proto_type_name(0) && !proto_type_name(63) && !proto_type_name(65536),
	   "other numbers have none");
}

/* Parses an exact copy on the heap, so that a sanitizer sees a read beyond the end. */
static int test_parse(const void *data, size_t size, struct proto_event *ev, struct err *e)
{
	uint8_t *copy = malloc(size ? size : 1);
	int r;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	e->text[0] = '\0';
	r = proto_guest_parse(copy, size, ev, e);
	free(copy);
	return r;
}

static void test_frame(const struct test_frame *f)
{
	struct wire_out o = {0};
	struct proto_event ev;
	struct err e;
	size_t begin = proto_frame_begin(&o, f->type, 5);
	size_t size;
	int is_waiting = 1;

	f->put(&o);
	proto_frame_end(&o, begin);
	size = o.size;
	for (size_t cut = 0; cut < size; cut++)
		is_waiting &= test_parse(o.data, cut, &ev, &e) == 0;
	ok(is_waiting, "%s: every truncation waits for more", f->name);
	memset(&ev, 0xff, sizeof(ev));
	is_int(test_parse(o.data, size, &ev, &e), (long long)size, "the whole frame is taken");
	ok(ev.type == f->type && ev.session == 5 && f->is_good(&ev), "%s: comes back", f->name);

	wire_put_u8(&o, 0);
	is_int(test_parse(o.data, size + 1, &ev, &e), (long long)size,
	       "a byte behind the frame belongs to the next one");
	wire_set_u32(&o, 0, (uint32_t)(size + 1 - PROTO_HEADER_BYTES));
	ok(test_parse(o.data, size + 1, &ev, &e) == -EPROTO && e.text[0],
	   "%s: a payload with a byte too many is refused with a reason", f->name);
	if (size > PROTO_HEADER_BYTES) {
		wire_set_u32(&o, 0, (uint32_t)(size - 1 - PROTO_HEADER_BYTES));
		ok(test_parse(o.data, size - 1, &ev, &e) == -EPROTO && e.text[0],
		   "%s: a payload with a byte missing is refused with a reason", f->name);
	}
	wire_out_done(&o);
}

/* A frame with this payload must be refused. */
static void refuse(unsigned int type, const char *payload, size_t size, const char *name)
{
	struct wire_out o = {0};
	struct proto_event ev;
	struct err e;
	size_t begin = proto_frame_begin(&o, type, 0);

	wire_put_bytes(&o, payload, size);
	proto_frame_end(&o, begin);
	is_int(test_parse(o.data, o.size, &ev, &e), -EPROTO, name);
	ok(!strncmp(e.text, "guest:", 6), "and the guest is named as the culprit");
	wire_out_done(&o);
}

#define MARKS			    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define REFUSE(type, payload, name) refuse(type, payload, sizeof(payload) - 1, name)

static void test_malformed(void)
{
	REFUSE(0, "", "type 0 is refused");
	REFUSE(10, "", "a type nobody has is refused");
	REFUSE(PROTO_HOST_START, "", "a type of the host is refused from the guest");
	REFUSE(PROTO_GUEST_HELLO, "VMRX\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "a wrong magic is refused");
	REFUSE(PROTO_GUEST_HELLO, "VMRT\1\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff",
	       "HELLO without a release is refused");
	REFUSE(PROTO_GUEST_FAILED, "\xff\xff\xff\xff", "FAILED without a text is refused");
	REFUSE(PROTO_GUEST_FAILED, "\1\0\0\0\0\0", "a text with a NUL inside is refused");
	REFUSE(PROTO_GUEST_STREAM_END, "\0\0\0\0\0\0\0\0\0", "an end of stdin is refused");
	REFUSE(PROTO_GUEST_STREAM_END, "\3\0\0\0\0\0\0\0\0", "a stream nobody has is refused");
	REFUSE(PROTO_GUEST_EXITED, "\2\0" MARKS, "a way to exit nobody has is refused");
	REFUSE(PROTO_GUEST_EXITED, "\1\0" MARKS, "an exit by signal 0 is refused");
	REFUSE(PROTO_GUEST_EXITED, "\1\x41" MARKS, "an exit by signal 65 is refused");
	REFUSE(PROTO_GUEST_EXITED, "\0\0", "an exit without marks is refused");
	REFUSE(PROTO_GUEST_LOG, "\4\0\0\0\0\0", "a log level nobody has is refused");
	REFUSE(PROTO_GUEST_LISTENING, "\1\0\0\0\0\0\0\0\0\0\0",
	       "a socket without a port is refused");
	REFUSE(PROTO_GUEST_LISTENING, "\2\0\0\0\0\1\0\0\0\0\0", "so is one that is not there");
	REFUSE(PROTO_GUEST_RESOLVE, "\1\0\0\0\0\0\0", "an empty query is refused");
	REFUSE(PROTO_GUEST_RESOLVE, "\1\0\0\0\0\2\0a", "so is one that is not all there");
	REFUSE(PROTO_GUEST_RESOLVE, "\1\0\0\0\2\1\0a", "and one over a transport nobody has");
}

static void test_limits(void)
{
	char text[PROTO_TEXT_MAX_BYTES + 2];
	struct proto_event ev;
	struct err e;
	struct wire_out o = {0};
	size_t begin = proto_frame_begin(&o, PROTO_GUEST_FAILED, 0);

	memset(text, 'x', sizeof(text));
	text[PROTO_TEXT_MAX_BYTES] = '\0';
	wire_put_str(&o, text);
	proto_frame_end(&o, begin);
	is_int(test_parse(o.data, o.size, &ev, &e), (long long)o.size, "the longest text is taken");
	is_str(ev.text, text, "in full");
	wire_out_done(&o);

	text[PROTO_TEXT_MAX_BYTES] = 'x';
	text[PROTO_TEXT_MAX_BYTES + 1] = '\0';
	begin = proto_frame_begin(&o, PROTO_GUEST_FAILED, 0);
	wire_put_str(&o, text);
	proto_frame_end(&o, begin);
	is_int(test_parse(o.data, o.size, &ev, &e), -EPROTO, "a byte more is refused");
	wire_out_done(&o);

	is_int(test_parse("\x00\x10\0\0\4\0\0\0", 8, &ev, &e), 0, "the longest frame is awaited");
	is_int(test_parse("\x01\x10\0\0\4\0\0\0", 8, &ev, &e), -EPROTO,
	       "a longer one is refused by its header alone");
	is_int(test_parse("\xff\xff\xff\xff\4\0\0\0", 8, &ev, &e), -EPROTO, "so is the longest");
}

static void test_text_is_clean(void)
{
	struct wire_out o = {0};
	struct proto_event ev;
	struct err e;
	size_t begin = proto_frame_begin(&o, PROTO_GUEST_FAILED, 0);

	wire_put_str(&o, "a\nb\033[31mc\x7f\td\xc3\xa9");
	proto_frame_end(&o, begin);
	ok(test_parse(o.data, o.size, &ev, &e) > 0, "a text with control characters is taken");
	is_str(ev.text, "a b [31mc  d\xc3\xa9", "and cannot break a line or a terminal");
	wire_out_done(&o);
}

static void test_header(void)
{
	uint32_t payload;
	uint16_t type;
	uint16_t session;

	ok(!proto_header_parse((const uint8_t *)"\1\2\3\4\5\6\7", 7, &payload, &type, &session),
	   "7 bytes are no header");
	ok(proto_header_parse((const uint8_t *)"\1\2\3\4\5\6\7\x8", 8, &payload, &type, &session) &&
		   payload == 0x04030201 && type == 0x0605 && session == 0x0807,
	   "a header is taken apart");
}

static void test_wake(void)
{
	struct proto_wake wake = {.clock_realtime_ns = INT64_C(0x123456789abcdef),
				  .seed = {1, 2, 3}};
	struct proto_wake got = {0};
	struct wire_out o = {0};
	struct wire_in in;
	uint32_t size;
	uint16_t type;
	uint16_t session;

	proto_wake_put(&o, &wake);
	ok(proto_header_parse(o.data, o.size, &size, &type, &session), "a wake has a header");
	ok(type == PROTO_HOST_WAKE && !session && size == PROTO_WAKE_BYTES, "of its kind and size");
	wire_in_init(&in, o.data + PROTO_HEADER_BYTES, size);
	ok(proto_wake_get(&in, &got), "it is read");
	ok(got.clock_realtime_ns == wake.clock_realtime_ns &&
		   !memcmp(got.seed, wake.seed, sizeof(wake.seed)),
	   "as it was written");
	wire_in_init(&in, o.data + PROTO_HEADER_BYTES, size - 1);
	ok(!proto_wake_get(&in, &got), "not when it was cut");
	wire_out_done(&o);
}

int main(void)
{
	test_wake();
	test_all_covered();
	for (size_t i = 0; i < FRAMES; i++)
		test_frame(&frames[i]);
	test_malformed();
	test_limits();
	test_text_is_clean();
	test_header();
	return done_testing();
}
