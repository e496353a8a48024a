/* The control link. Must not act on a message: that is the session's.
 *
 * The host is trusted, but a frame that is not exactly what the protocol says means that the two
 * sides do not understand each other: better to stop than to guess. */
#include "init/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "init/loop.h"
#include "init/machine.h"
#include "init/network.h"
#include "init/ports.h"
#include "init/resolver.h"
#include "init/session.h"
#include "lib/fd.h"
#include "lib/wire.h"

/* No more frames are read while this many bytes wait to be written: each of the host's frames
 * causes at most one small answer. */
#define CONTROL_OUT_BYTES 65536

static struct {
	struct loop_source source;
	int fd;
	struct wire_out out;
	uint8_t header[PROTO_HEADER_BYTES];
	size_t header_have;
	uint8_t *payload; /* NULL while the header is incomplete */
	uint32_t payload_size;
	uint32_t payload_have;
} control = {.source.fd = -1, .fd = -1};

static void control_update_events(void)
{
	uint32_t events = control.out.size ? EPOLLOUT : 0;

	if (control.out.size < CONTROL_OUT_BYTES)
		events |= EPOLLIN;
	loop_set(&control.source, events);
}

static void control_flush(void)
{
	size_t done = 0;

	while (done < control.out.size) {
		ssize_t n = write(control.fd, control.out.data + done, control.out.size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) /* the host's end is gone */
			machine_off();
		done += (size_t)n;
	}
	memmove(control.out.data, control.out.data + done, control.out.size - done);
	control.out.size -= done;
	control_update_events();
}

static size_t control_begin(uint16_t session, enum proto_guest_type type)
{
	return proto_frame_begin(&control.out, type, session);
}

static void control_end(size_t begin)
{
	proto_frame_end(&control.out, begin);
	control_flush();
}

/* A text as the host's parser wants it: within its limit. */
static void control_put_text(const char *text)
{
	char cut[PROTO_TEXT_MAX_BYTES + 1];

	snprintf(cut, sizeof(cut), "%s", text);
	wire_put_str(&control.out, cut);
}

void control_send_mark(uint16_t session, enum proto_guest_type type)
{
	size_t begin = control_begin(session, type);

	wire_put_u64(&control.out, machine_now_us());
	control_end(begin);
}

void control_send_failed(uint16_t session, const char *text)
{
	size_t begin = control_begin(session, PROTO_GUEST_FAILED);

	control_put_text(text);
	control_end(begin);
}

void control_send_log(enum proto_level level, const char *fmt, ...)
{
	char text[PROTO_TEXT_MAX_BYTES + 1];
	size_t begin = control_begin(0, PROTO_GUEST_LOG);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wire_put_u8(&control.out, level);
	control_put_text(text);
	control_end(begin);
}

void control_send_stream_end(uint16_t session, enum proto_stream stream, uint64_t total_bytes)
{
	size_t begin = control_begin(session, PROTO_GUEST_STREAM_END);

	wire_put_u8(&control.out, stream);
	wire_put_u64(&control.out, total_bytes);
	control_end(begin);
}

void control_send_stdin_closed(uint16_t session)
{
	control_end(control_begin(session, PROTO_GUEST_STDIN_CLOSED));
}

void control_send_oom(uint64_t count)
{
	size_t begin = control_begin(0, PROTO_GUEST_OOM);

	wire_put_u64(&control.out, count);
	control_end(begin);
}

void control_send_notify(const char *line)
{
	size_t begin;

	if (control.out.size >= CONTROL_OUT_BYTES)
		return;
	begin = control_begin(0, PROTO_GUEST_NOTIFY);
	control_put_text(line);
	control_end(begin);
}

void control_send_exited(uint16_t session, enum proto_exit how, uint8_t number,
			 const uint64_t marks[2])
{
	size_t begin = control_begin(session, PROTO_GUEST_EXITED);

	wire_put_u8(&control.out, how);
	wire_put_u8(&control.out, number);
	for (int i = 0; i < 2; i++)
		wire_put_u64(&control.out, marks[i]);
	control_end(begin);
}

void control_send_signalled(uint16_t session, uint32_t token, uint32_t error)
{
	size_t begin = control_begin(session, PROTO_GUEST_SIGNALLED);

	wire_put_u32(&control.out, token);
	wire_put_u32(&control.out, error);
	control_end(begin);
}

bool control_send_resolve(uint32_t token, bool is_tcp, const void *query, uint16_t size)
{
	size_t begin;

	if (control.out.size >= CONTROL_OUT_BYTES)
		return false;
	begin = control_begin(0, PROTO_GUEST_RESOLVE);
	wire_put_u32(&control.out, token);
	wire_put_u8(&control.out, is_tcp);
	wire_put_u16(&control.out, size);
	wire_put_bytes(&control.out, query, size);
	control_end(begin);
	return true;
}

bool control_send_listening(const struct proto_listener *at, uint32_t count)
{
	size_t begin;

	if (control.out.size >= CONTROL_OUT_BYTES)
		return false;
	begin = control_begin(0, PROTO_GUEST_LISTENING);
	wire_put_u32(&control.out, count);
	for (uint32_t i = 0; i < count; i++) {
		wire_put_u8(&control.out, at[i].is_udp);
		wire_put_u16(&control.out, at[i].port);
		wire_put_u32(&control.out, at[i].address);
	}
	control_end(begin);
	return true;
}

void control_send_last_log(const char *text)
{
	size_t begin;

	if (control.fd < 0 || fd_set_nonblock(control.fd, 0) < 0)
		return;
	begin = control_begin(0, PROTO_GUEST_LOG);
	wire_put_u8(&control.out, PROTO_LOG_ERROR);
	control_put_text(text);
	proto_frame_end(&control.out, begin);
	if (fd_write_all(control.fd, control.out.data, control.out.size) < 0)
		return;
}

/* What concerns the machine and not one session. */
static void control_dispatch_machine(uint16_t type, struct wire_in *in)
{
	int64_t realtime_ns;
	uint32_t token;

	switch ((enum proto_host_type)type) {
	case PROTO_HOST_START:
		session_on_start();
		break;
	case PROTO_HOST_CLOCK:
		realtime_ns = (int64_t)wire_get_u64(in);
		if (wire_in_end(in) && machine_set_clock(realtime_ns) < 0)
			control_send_log(PROTO_LOG_WARN, "init: setting the clock failed");
		break;
	case PROTO_HOST_RESOLVED:
		token = wire_get_u32(in);
		resolver_on_answer(token, in);
		break;
	case PROTO_HOST_NETWORK:
		if (!network_take(in))
			in->is_bad = true;
		break;
	case PROTO_HOST_FINISH:
		machine_off();
	default:
		in->is_bad = true;
	}
}

static void control_dispatch(uint16_t number, uint16_t type, struct wire_in *in)
{
	uint32_t token;
	uint32_t signo;
	bool is_all;
	uint64_t bytes;
	uint16_t rows;
	uint16_t columns;
	uint8_t stream;

	switch ((enum proto_host_type)type) {
	case PROTO_HOST_SIGNAL:
		token = wire_get_u32(in);
		signo = wire_get_u32(in);
		is_all = wire_get_u8(in);
		if (wire_in_end(in))
			session_on_signal(number, token, signo, is_all);
		break;
	case PROTO_HOST_STDIN_END:
		bytes = wire_get_u64(in);
		if (wire_in_end(in))
			session_on_stdin_end(number, bytes);
		break;
	case PROTO_HOST_READER_GONE:
		stream = wire_get_u8(in);
		if (stream != PROTO_STDOUT && stream != PROTO_STDERR)
			in->is_bad = true;
		if (wire_in_end(in))
			session_on_reader_gone(number, stream);
		break;
	case PROTO_HOST_RESIZE:
		rows = wire_get_u16(in);
		columns = wire_get_u16(in);
		if (wire_in_end(in))
			session_on_resize(number, rows, columns);
		break;
	default:
		if (number)
			in->is_bad = true;
		else
			control_dispatch_machine(type, in);
	}
}

static void control_take_frame(void)
{
	struct wire_in in;
	uint32_t size;
	uint16_t type;
	uint16_t number;
	uint8_t *payload = control.payload;

	proto_header_parse(control.header, sizeof(control.header), &size, &type, &number);
	control.payload = NULL;
	control.header_have = 0;
	/* These two keep the payload. */
	if (number == 0 && type == PROTO_HOST_CONTAINER) {
		session_on_container(payload, size);
		return;
	}
	if (number != 0 && type == PROTO_HOST_EXEC) {
		session_on_exec(number, payload, size);
		return;
	}
	wire_in_init(&in, payload, size);
	control_dispatch(number, type, &in);
	if (!wire_in_end(&in))
		machine_die("control: malformed frame of type %u for session %u, %u bytes", type,
			    number, size);
	free(payload);
}

/* Reads up to `want` more bytes. False when there are none now. */
static bool control_read(uint8_t *to, size_t want, size_t *ret_got)
{
	ssize_t n = read(control.fd, to, want);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) /* the monitor is gone: nobody will ever ask for anything again */
		machine_off();
	*ret_got = (size_t)n;
	return true;
}

static void control_take_header(void)
{
	uint16_t type;
	uint16_t number;

	proto_header_parse(control.header, sizeof(control.header), &control.payload_size, &type,
			   &number);
	if (control.payload_size > PROTO_HOST_MAX_BYTES)
		machine_die("control: frame of type %u announces %u bytes", type,
			    control.payload_size);
	control.payload_have = 0;
	control.payload = malloc((size_t)control.payload_size + 1);
	if (!control.payload)
		machine_die("control: no memory for a frame of %u bytes", control.payload_size);
}

static void control_on_event(struct loop_source *s, uint32_t events)
{
	size_t got;

	(void)s;
	if (control.out.size)
		control_flush();
	if (!(events & (EPOLLIN | EPOLLHUP)))
		return;
	while (control.out.size < CONTROL_OUT_BYTES) {
		if (!control.payload) {
			if (!control_read(control.header + control.header_have,
					  sizeof(control.header) - control.header_have, &got))
				return;
			control.header_have += got;
			if (control.header_have < sizeof(control.header))
				continue;
			control_take_header();
		}
		if (control.payload_have < control.payload_size) {
			if (!control_read(control.payload + control.payload_have,
					  control.payload_size - control.payload_have, &got))
				return;
			control.payload_have += (uint32_t)got;
		}
		if (control.payload_have == control.payload_size)
			control_take_frame();
	}
}

static void control_hello(uint64_t boot_us)
{
	struct utsname uts;
	size_t begin;

	uname(&uts);
	if (control.fd < 0)
		control.fd = ports_open(PROTO_PORT_CONTROL);
	begin = control_begin(0, PROTO_GUEST_HELLO);
	wire_put_u32(&control.out, PROTO_MAGIC);
	wire_put_u16(&control.out, PROTO_VERSION);
	wire_put_u64(&control.out, boot_us);
	control_put_text(uts.release);
	proto_frame_end(&control.out, begin);
	/* The port may be there before the kernel knows that the host has opened its end, and reads
	 * end-of-file until then. A blocking write waits for exactly that. */
	if (fd_write_all(control.fd, control.out.data, control.out.size) < 0)
		machine_die("control: saying hello: errno %d", errno);
	control.out.size = 0;
}

void control_park(struct proto_wake *ret)
{
	uint8_t frame[PROTO_HEADER_BYTES + PROTO_WAKE_BYTES];
	struct wire_in in;
	uint32_t size;
	uint16_t type;
	uint16_t number;

	control_hello(machine_now_us());
	if (fd_read_all(control.fd, frame, sizeof(frame)) != (ssize_t)sizeof(frame))
		machine_off();
	proto_header_parse(frame, sizeof(frame), &size, &type, &number);
	wire_in_init(&in, frame + PROTO_HEADER_BYTES, PROTO_WAKE_BYTES);
	if (type != PROTO_HOST_WAKE || size != PROTO_WAKE_BYTES || !proto_wake_get(&in, ret))
		machine_die("control: a frame of type %u where WAKE was due", type);
}

void control_init(uint64_t boot_us)
{
	control_hello(boot_us);
	if (fd_set_nonblock(control.fd, 1) < 0)
		machine_die("control: errno %d", errno);
}

void control_start(void)
{
	loop_add(&control.source, control.fd, EPOLLIN, control_on_event);
	control_update_events();
}
