/* The process's stdio. Must not know anything about the process.
 *
 * Back-pressure: a port that takes no more bytes stops the reading of its own pipe and nothing
 * else; a full stdin pipe stops the reading of its port.
 *
 * A port whose host end is not open yet (the kernel learns it by message, after the name) is in
 * the state EPOLLHUP and reads end-of-file. QEMU's pipe chardevs are always open, so HUP here only
 * ever means "not yet", and a port is waited for edge-triggered: level-triggered, the loop would
 * spin. */
#include "init/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "init/control.h"
#include "init/loop.h"
#include "init/machine.h"
#include "init/ports.h"
#include "init/session.h"
#include "lib/fd.h"

#define RELAY_PIPE_BYTES   (256 * 1024)
#define RELAY_OUTPUT_BYTES (256 * 1024) /* 64 KiB: 200 MB/s, 32 KiB: 155 MB/s */
#define RELAY_STDIN_BYTES  (64 * 1024)
#define RELAY_ROUNDS	   8 /* before other sources get their turn */
#define RELAY_NO_END	   UINT64_MAX

/* A stream from the process to the host. */
struct relay_output {
	int pipe_fd; /* -1: not relayed, or at its end */
	int port_fd; /* never closed: bytes may still be on their way through the queue */
	struct loop_source pipe;
	struct loop_source port;
	enum proto_stream stream;
	uint64_t total_bytes; /* given to the port */
	size_t at;
	size_t have; /* read from the pipe, not yet taken by the port */
	uint8_t *data;
};

/* stdin: from the host to the process. */
struct relay_input {
	int pipe_fd; /* -1: closed; what still comes is thrown away */
	int port_fd; /* -1: not relayed; never closed */
	bool is_ended;
	struct loop_source pipe;
	struct loop_source port;
	uint64_t received_bytes;
	uint64_t end_bytes;
	size_t at;
	size_t have;
};

#define RELAY_OUTPUTS 2

/* Apart from the structures, which are initialised, so that they stay out of the file. */
static uint8_t relay_stdin_data[RELAY_STDIN_BYTES];
static uint8_t relay_output_data[RELAY_OUTPUTS][RELAY_OUTPUT_BYTES];

static struct relay_output relay_outputs[RELAY_OUTPUTS] = {
	{.pipe_fd = -1,
	 .port_fd = -1,
	 .pipe.fd = -1,
	 .port.fd = -1,
	 .stream = PROTO_STDOUT,
	 .data = relay_output_data[0]},
	{.pipe_fd = -1,
	 .port_fd = -1,
	 .pipe.fd = -1,
	 .port.fd = -1,
	 .stream = PROTO_STDERR,
	 .data = relay_output_data[1]},
};

static struct relay_input relay_input = {
	.pipe_fd = -1, .port_fd = -1, .pipe.fd = -1, .port.fd = -1, .end_bytes = RELAY_NO_END};

static const char *const relay_port_names[PROTO_STREAM_COUNT] = {
	[PROTO_STDIN] = PROTO_PORT_STDIN,
	[PROTO_STDOUT] = PROTO_PORT_STDOUT,
	[PROTO_STDERR] = PROTO_PORT_STDERR,
};

static bool relay_is_finishing;

static void relay_on_port_writable(struct loop_source *s, uint32_t events);
static void relay_on_output(struct loop_source *s, uint32_t events);
static void relay_on_input(struct loop_source *s, uint32_t events);
static void relay_on_pipe_writable(struct loop_source *s, uint32_t events);

static void relay_check_drained(void)
{
	if (!relay_is_finishing)
		return;
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		if (relay_outputs[i].pipe_fd >= 0)
			return;
	}
	relay_is_finishing = false;
	session_on_drained();
}

/* Everything the stream had is in the port's hands. */
static void relay_end_output(struct relay_output *r)
{
	loop_remove(&r->pipe);
	loop_remove(&r->port);
	fd_close(&r->pipe_fd);
	control_send_stream_end(r->stream, r->total_bytes);
	relay_check_drained();
}

static void relay_wait_pipe(struct relay_output *r)
{
	loop_remove(&r->port);
	if (r->pipe.fd < 0)
		loop_add(&r->pipe, r->pipe_fd, EPOLLIN, relay_on_output);
}

/* The pipe leaves the loop meanwhile: without writers it would report EPOLLHUP for ever. */
static void relay_wait_port(struct relay_output *r)
{
	loop_remove(&r->pipe);
	if (r->port.fd < 0)
		loop_add(&r->port, r->port_fd, EPOLLOUT | EPOLLET, relay_on_port_writable);
}

/* True when the port has taken all that was read. */
static bool relay_write_port(struct relay_output *r)
{
	while (r->have) {
		ssize_t n = write(r->port_fd, r->data + r->at, r->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			machine_die("relay of stream %d: errno %d", (int)r->stream, errno);
		r->at += (size_t)n;
		r->have -= (size_t)n;
		r->total_bytes += (uint64_t)n;
	}
	return true;
}

/* Copying, not splice(2): that passes 330 MB/s under TCG where this passes 250, but it can pin 128
 * times the pipe's size of guest memory in the port's queue (writes: 128 times 32 KiB), and
 * virtio_console (seen in Linux 6.1) queues unset scatterlist entries unless all of the pipe is
 * taken and no buffer in it is empty, as one is after a write that faulted: QEMU then declares the
 * whole device broken, and the control link with it. */
static void relay_pump_output(struct relay_output *r)
{
	for (int i = 0; i < RELAY_ROUNDS; i++) {
		ssize_t n;

		if (!relay_write_port(r)) {
			relay_wait_port(r);
			return;
		}
		n = read(r->pipe_fd, r->data, RELAY_OUTPUT_BYTES);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			machine_die("relay of stream %d: errno %d", (int)r->stream, errno);
		if (n == 0 || (n < 0 && errno == EAGAIN && relay_is_finishing)) {
			relay_end_output(r);
			return;
		}
		if (n < 0)
			break;
		r->at = 0;
		r->have = (size_t)n;
	}
	/* What was read last must not wait for the pipe. */
	if (relay_write_port(r))
		relay_wait_pipe(r); /* level-triggered: its turn comes again */
	else
		relay_wait_port(r);
}

static struct relay_output *relay_find_output(const struct loop_source *s)
{
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		if (s == &relay_outputs[i].pipe || s == &relay_outputs[i].port)
			return &relay_outputs[i];
	}
	machine_die("relay: event of an unknown source");
}

static void relay_on_output(struct loop_source *s, uint32_t events)
{
	(void)events;
	relay_pump_output(relay_find_output(s));
}

static void relay_on_port_writable(struct loop_source *s, uint32_t events)
{
	if (events & EPOLLOUT)
		relay_pump_output(relay_find_output(s));
}

/* The process has no reader of its stdin any more, or none is left at all. */
static void relay_close_stdin(struct relay_input *r)
{
	if (r->pipe_fd < 0)
		return;
	loop_remove(&r->pipe);
	fd_close(&r->pipe_fd);
	r->have = 0;
	control_send_stdin_closed();
}

/* True when all of the buffer has gone to the process, or to nowhere. */
static bool relay_write_stdin(struct relay_input *r)
{
	while (r->have && r->pipe_fd >= 0) {
		ssize_t n = write(r->pipe_fd, relay_stdin_data + r->at, r->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			relay_close_stdin(r);
			break;
		}
		r->at += (size_t)n;
		r->have -= (size_t)n;
	}
	r->have = 0;
	return true;
}

/* Fills the buffer. The kernel hands out a page at a time, a pipe likes larger writes. */
static void relay_read_port(struct relay_input *r)
{
	r->at = 0;
	while (r->have < sizeof(relay_stdin_data)) {
		uint64_t want = r->end_bytes - r->received_bytes;
		ssize_t n;

		if (want > sizeof(relay_stdin_data) - r->have)
			want = sizeof(relay_stdin_data) - r->have;
		if (!want)
			return;
		n = read(r->port_fd, relay_stdin_data + r->have, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			machine_die("relay of stdin: errno %d", errno);
		if (n <= 0) /* nothing now; or not open yet, see above */
			return;
		r->have += (size_t)n;
		r->received_bytes += (uint64_t)n;
	}
}

static void relay_end_input(struct relay_input *r)
{
	loop_remove(&r->pipe);
	loop_remove(&r->port);
	fd_close(&r->pipe_fd);
	r->is_ended = true;
}

/* The process's pipe decides when it goes on, not the port: what is in the buffer may be the last
 * of all, with no wake-up of the port to come. */
static void relay_wait_stdin_pipe(struct relay_input *r)
{
	loop_remove(&r->port);
	loop_set(&r->pipe, EPOLLOUT);
}

static void relay_pump_input(struct relay_input *r)
{
	/* Throwing away is not limited: the host stops sending when it hears of it. */
	for (int i = 0; r->pipe_fd < 0 || i < RELAY_ROUNDS; i++) {
		if (!relay_write_stdin(r)) {
			relay_wait_stdin_pipe(r);
			return;
		}
		if (r->received_bytes >= r->end_bytes) {
			relay_end_input(r);
			return;
		}
		relay_read_port(r);
		if (!r->have && r->received_bytes < r->end_bytes) {
			loop_set(&r->pipe, 0); /* EPOLLERR: the last reader goes */
			/* Adding (again) reports what is ready now, and then every wake-up. */
			loop_remove(&r->port);
			loop_add(&r->port, r->port_fd, EPOLLIN | EPOLLET, relay_on_input);
			return;
		}
	}
	relay_wait_stdin_pipe(r);
}

static void relay_on_input(struct loop_source *s, uint32_t events)
{
	(void)s;
	if (events & EPOLLIN)
		relay_pump_input(&relay_input);
}

static void relay_on_pipe_writable(struct loop_source *s, uint32_t events)
{
	(void)s;
	if (events & EPOLLERR)
		relay_close_stdin(&relay_input);
	relay_pump_input(&relay_input);
}

static int relay_make_pipe(int *ret_ours, int *ret_theirs, bool is_input, uid_t uid)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[is_input];
	*ret_theirs = fds[!is_input];
	/* Only speed: a smaller pipe is a pipe as well. */
	(void)fcntl(fds[0], F_SETPIPE_SZ, RELAY_PIPE_BYTES);
	/* As runc: the user must be able to open /dev/stdout, the group stays. */
	if (uid && fchown(*ret_theirs, uid, (gid_t)-1) < 0)
		return -errno;
	return fd_set_nonblock(*ret_ours, 1);
}

int relay_init(const uint8_t stdio[PROTO_STREAM_COUNT], uid_t uid, int ret_ends[PROTO_STREAM_COUNT],
	       struct err *e)
{
	int *const pipes[] = {&relay_input.pipe_fd, &relay_outputs[0].pipe_fd,
			      &relay_outputs[1].pipe_fd};
	int *const ports[] = {&relay_input.port_fd, &relay_outputs[0].port_fd,
			      &relay_outputs[1].port_fd};

	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		int r;

		ret_ends[i] = -1;
		if (stdio[i] != GUEST_STDIO_PIPE)
			continue;
		*ports[i] = ports_open(relay_port_names[i]);
		r = fd_set_nonblock(*ports[i], 1);
		if (!r)
			r = relay_make_pipe(pipes[i], &ret_ends[i], i == PROTO_STDIN, uid);
		if (r < 0)
			return err_sys(e, r, "guest: making the pipe of stream %d", i);
	}
	return 0;
}

void relay_start(void)
{
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		if (relay_outputs[i].pipe_fd >= 0)
			relay_wait_pipe(&relay_outputs[i]);
	}
	if (relay_input.port_fd >= 0) {
		loop_add(&relay_input.pipe, relay_input.pipe_fd, 0, relay_on_pipe_writable);
		relay_pump_input(&relay_input);
	}
}

static bool relay_is_stdin_open(void)
{
	return relay_input.port_fd >= 0 && !relay_input.is_ended;
}

void relay_end_stdin(uint64_t total_bytes)
{
	relay_input.end_bytes = total_bytes;
	/* While the process's pipe is full the port is out of the loop: nothing to do now. */
	if (relay_is_stdin_open() && (relay_input.port.fd >= 0 || !relay_input.have))
		relay_pump_input(&relay_input);
}

void relay_drop_output(enum proto_stream stream)
{
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		if (relay_outputs[i].stream == stream && relay_outputs[i].pipe_fd >= 0)
			relay_end_output(&relay_outputs[i]);
	}
}

void relay_finish(void)
{
	relay_close_stdin(&relay_input);
	if (relay_is_stdin_open())
		relay_pump_input(&relay_input);
	relay_is_finishing = true;
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		if (relay_outputs[i].pipe_fd >= 0 && relay_outputs[i].port.fd < 0)
			relay_pump_output(&relay_outputs[i]);
	}
	relay_check_drained();
}
