/* The host <-> guest protocol: what travels over the control link.
 *
 *   host (vmrt monitor)                              guest (vmrt-init, PID 1)
 *        |                                                  |
 *        |  <-- HELLO version, kernel, boot time ---------- |  init runs, control port open
 *        |  --- CONTAINER description --------------------> |  mounts, namespaces, user, ...
 *        |  <-- CREATED  (or FAILED text) ----------------- |  process parked before execve
 *        |  --- NETWORK description ----------------------> |  names, addresses, routes of the NICs
 *        |  --- START ------------------------------------> |
 *        |  <-- STARTED  (or FAILED text) ----------------- |  execve has succeeded
 *        |                                                  |
 *        |  === stdin, stdout, stderr: ports of their own, raw bytes, no framing ===
 *        |  --- STDIN_END n ------------------------------> |  after n bytes stdin is at its end
 *        |  <-- STDIN_CLOSED ------------------------------ |  nobody reads stdin any more
 *        |  <-- STREAM_END stream, n ---------------------- |  the stream carried n bytes, no more
 *        |  --- READER_GONE stream -----------------------> |  writers get SIGPIPE/EPIPE
 *        |  --- SIGNAL token, number, all ----------------> |
 *        |  <-- SIGNALLED token, errno -------------------- |
 *        |  <-- OOM count --------------------------------- |  processes killed for want of memory
 *        |  <-- NOTIFY line ------------------------------- |  of an sd_notify(3) datagram
 *        |  <-- EXITED how, number, marks ----------------- |  after every STREAM_END, data synced
 *        |  --- FINISH -----------------------------------> |  streams drained: power off
 *
 * An exec session N > 0 is one more process in the same container, with ports "vmrt.N.stdin" and so
 * on, which the host adds before it asks and takes away after the last byte. Processes it leaves
 * behind may hold its streams open: EXITED is acted upon when the bytes of its marks, which were
 * written before, have passed, and the streams end later. All of it comes before EXITED(0):
 *
 *        |  --- EXEC(N) process -------------------------> |  waits for the ports, forks, execs
 *        |  <-- STARTED(N)  (or FAILED(N) text) ---------- |
 *        |      ... as above, with session N ...           |
 *        |  <-- EXITED(N) --------------------------------- |
 *        |  <-- STREAM_END(N) ----------------------------- |  the last one: the ports are closed
 *
 * A session with a terminal has the ports stdin and stdout, and a pty in the guest behind them:
 *
 *        |  --- RESIZE(N) rows, columns ------------------> |  SIGWINCH in the guest
 *        |  --- CLOCK realtime ---------------------------> |  when it stood still or was set
 *        |  <-- RESOLVE token, is tcp, query -------------- |  asked of 127.0.0.11 in the guest
 *        |  --- RESOLVED token, answer -------------------> |  the engine's; empty: none came
 *        |  <-- LISTENING sockets ------------------------- |  all that take connections or
 * datagrams, |                                                  |  if NETWORK wants to know, when
 * they change
 *
 * A machine that is a template (the kernel's command line has PROTO_PARK_VARIABLE) says HELLO and
 * waits. What is restored from it is another machine, whose host begins:
 *
 *        |  --- WAKE clock, seed -------------------------> |  as many machines as one likes
 *        |  <-- HELLO version, kernel, time of waking ----- |  and so on, as above
 *
 * NETWORK (lib/network.h) comes after CONTAINER and again whenever the engine has changed
 * something; it is always the whole description. What cannot be applied before START makes START
 * fail.
 *
 * A frame is: u32 payload bytes, u16 type, u16 session, payload. Everything little-endian.
 * Session 0 is the container's own process. Type numbers are never reused. The version must be
 * equal on both sides: kernel, initramfs and vmrt are installed together.
 *
 * The control link and the streams are independent channels without an order between them: that
 * is why ends carry byte counts.
 *
 * Everything the guest sends is hostile: proto_guest_parse() is the only reader of it. */
#ifndef VMRT_LIB_PROTO_H
#define VMRT_LIB_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/wire.h"

#define PROTO_VERSION	      1
#define PROTO_MAGIC	      0x54524d56u /* "VMRT" */
#define PROTO_HEADER_BYTES    8
#define PROTO_GUEST_MAX_BYTES 4096	  /* payload of a guest's frame */
#define PROTO_HOST_MAX_BYTES  (16u << 20) /* payload of the host's frames */
#define PROTO_TEXT_MAX_BYTES  1000	  /* of a text inside a guest's frame */
#define PROTO_QUERY_MAX_BYTES 4000	  /* of a DNS query: a name has 255 bytes at most */
#define PROTO_LISTENER_MAX    256
#define PROTO_SEED_BYTES      32

#define PROTO_PORT_CONTROL "vmrt.control"
#define PROTO_PORT_STDIN   "vmrt.0.stdin"
#define PROTO_PORT_STDOUT  "vmrt.0.stdout"
#define PROTO_PORT_STDERR  "vmrt.0.stderr"
#define PROTO_PORT_FORMAT  "vmrt.%u.%s" /* session, "stdin" | "stdout" | "stderr" */
#define PROTO_SHARE_TAG	   "vmrt"

/* A word of the kernel's command line, which hands it to init as an environment variable: wait to
 * be a template. Its value is the platform device of the slot that the share will be in. */
#define PROTO_PARK_VARIABLE "vmrt_park"

/* X(name, number): what the guest sends. */
#define PROTO_GUEST_MESSAGES(X)                                                                    \
	X(HELLO, 1)                                                                                \
	X(CREATED, 2)                                                                              \
	X(STARTED, 3)                                                                              \
	X(FAILED, 4)                                                                               \
	X(STREAM_END, 5)                                                                           \
	X(STDIN_CLOSED, 6)                                                                         \
	X(EXITED, 7)                                                                               \
	X(SIGNALLED, 8)                                                                            \
	X(LOG, 9)                                                                                  \
	X(RESOLVE, 10)                                                                             \
	X(OOM, 11)                                                                                 \
	X(LISTENING, 12)                                                                           \
	X(NOTIFY, 13)

/* X(name, number): what the host sends. */
#define PROTO_HOST_MESSAGES(X)                                                                     \
	X(CONTAINER, 64)                                                                           \
	X(START, 65)                                                                               \
	X(SIGNAL, 66)                                                                              \
	X(STDIN_END, 67)                                                                           \
	X(READER_GONE, 68)                                                                         \
	X(FINISH, 69)                                                                              \
	X(EXEC, 70)                                                                                \
	X(RESIZE, 71)                                                                              \
	X(CLOCK, 72)                                                                               \
	X(NETWORK, 73)                                                                             \
	X(RESOLVED, 74)                                                                            \
	X(WAKE, 75)

enum proto_guest_type {
#define X(name, number) PROTO_GUEST_##name = (number),
	PROTO_GUEST_MESSAGES(X)
#undef X
};

enum proto_host_type {
#define X(name, number) PROTO_HOST_##name = (number),
	PROTO_HOST_MESSAGES(X)
#undef X
};

enum proto_stream { PROTO_STDIN, PROTO_STDOUT, PROTO_STDERR, PROTO_STREAM_COUNT };
enum proto_exit { PROTO_EXIT_CODE, PROTO_EXIT_SIGNAL, PROTO_EXIT_COUNT };
enum proto_level {
	PROTO_LOG_ERROR,
	PROTO_LOG_WARN,
	PROTO_LOG_INFO,
	PROTO_LOG_DEBUG,
	PROTO_LOG_COUNT
};

/* What a machine made from a template has to have of its own before anything else. */
struct proto_wake {
	int64_t clock_realtime_ns;
	uint8_t seed[PROTO_SEED_BYTES];
};
#define PROTO_WAKE_BYTES (8 + PROTO_SEED_BYTES)

/* "HELLO" for PROTO_GUEST_HELLO, NULL for a number nobody has. Of both directions. */
const char *proto_type_name(unsigned int type);

/* A socket of the guest's: an IPv4 address, host order, 0 for all, and a port. */
struct proto_listener {
	bool is_udp;
	uint16_t port;
	uint32_t address;
};

/* A frame of the guest, taken apart. `text` is a copy: printable, cut at the limit. */
struct proto_event {
	enum proto_guest_type type;
	uint16_t session;
	union {
		struct {
			uint16_t version;
			uint64_t boot_us; /* guest's monotonic clock when init began */
		} hello;
		struct {
			uint8_t stream;
			uint64_t total_bytes;
		} stream_end;
		struct {
			uint8_t how;	   /* enum proto_exit */
			uint8_t number;	   /* exit code or signal number */
			uint64_t marks[2]; /* bytes of stdout and stderr that came before */
		} exited;
		struct {
			uint32_t token;
			uint32_t error; /* errno of the guest's kill(2), 0 for success */
		} signalled;
		struct {
			uint64_t count; /* since the container was made */
		} oom;
		struct {
			uint8_t level;
		} log;
		struct {
			uint32_t token;
			bool is_tcp;
			uint16_t size;
			uint8_t query[PROTO_QUERY_MAX_BYTES];
		} resolve;
		struct {
			uint32_t count;
			struct proto_listener at[PROTO_LISTENER_MAX];
		} listening;
		struct {
			uint64_t at_us; /* guest's monotonic clock */
		} mark;			/* CREATED, STARTED */
	};
	char text[PROTO_TEXT_MAX_BYTES + 1]; /* HELLO: kernel release; FAILED, LOG, NOTIFY: it */
};

/* Takes the first frame off `data`. Returns the bytes it used, 0 when the frame is not complete
 * yet, or -EPROTO with one line in `e`: wrong type, length, stream, text, or trailing bytes. Does
 * not know the session's state: see the monitor's transition table. */
int proto_guest_parse(const uint8_t *data, size_t size, struct proto_event *ret_event,
		      struct err *e) VMRT_MUST_CHECK;

/* Frames are built between these two: proto_frame_begin() writes the header and returns the
 * offset that proto_frame_end() needs to fill the length in. */
size_t proto_frame_begin(struct wire_out *o, unsigned int type, uint16_t session);
void proto_frame_end(struct wire_out *o, size_t begin);

/* The header of a frame, for the guest's reader. False when fewer than 8 bytes are there. */
bool proto_header_parse(const uint8_t *data, size_t size, uint32_t *ret_payload_bytes,
			uint16_t *ret_type, uint16_t *ret_session);

/* A whole frame; and its payload. False when that is not one. */
void proto_wake_put(struct wire_out *o, const struct proto_wake *wake);
bool proto_wake_get(struct wire_in *in, struct proto_wake *ret);

#endif
