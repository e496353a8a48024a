/* A process's stdio. Must not know anything about the process.
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
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init/control.h"
#include "init/machine.h"
#include "init/terminal.h"
#include "lib/fd.h"
#include "lib/mem.h"

#define RELAY_PIPE_BYTES (256 * 1024)
#define RELAY_ROUNDS	 8 /* before other sources get their turn */
#define RELAY_NO_END	 UINT64_MAX
/* More than the kernel keeps of a terminal's output: 64 KiB on its way, 4 KiB to be read. */
#define RELAY_TERMINAL_BYTES (128 * 1024)

static void relay_on_output(struct loop_source *s, uint32_t events);
static void relay_on_port_writable(struct loop_source *s, uint32_t events);
static void relay_on_input(struct loop_source *s, uint32_t events);
static void relay_on_pipe_writable(struct loop_source *s, uint32_t events);

/* Tells, once each, that the process's own output has been passed on, and that all has. */
static void relay_check(struct relay *r)
{
	bool is_drained = true;
	bool is_ended = true;

	if (!r->is_finishing)
		return;
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		const struct relay_output *o = &r->outputs[i];

		if (o->port_fd < 0 || o->is_ended)
			continue;
		is_ended = false;
		is_drained = is_drained && o->total_bytes >= o->mark_bytes;
	}
	if (is_drained && !r->is_drained) {
		r->is_drained = true;
		r->on_event(r, RELAY_DRAINED);
	}
	if (is_ended && !r->is_ended) {
		r->is_ended = true;
		r->on_event(r, RELAY_ENDED);
	}
}

/* The process has no reader of its stdin any more, or none is left at all. */
static void relay_close_stdin(struct relay_input *i)
{
	if (i->pipe_fd < 0)
		return;
	loop_remove(&i->pipe);
	fd_close(&i->pipe_fd);
	i->have = 0;
	if (i->relay->session) {
		/* The port is about to be taken away: QEMU complains of ports that are closed after
		 * that. */
		loop_remove(&i->port);
		fd_close(&i->port_fd);
		i->is_ended = true;
	}
	control_send_stdin_closed(i->relay->session);
}

/* Everything the stream had is in the port's hands. */
static void relay_end_output(struct relay_output *o)
{
	loop_remove(&o->pipe);
	loop_remove(&o->port);
	fd_close(&o->pipe_fd);
	o->is_ended = true;
	if (o->relay->session)
		fd_close(&o->port_fd); /* as in relay_close_stdin(); nothing in its queue is lost */
	if (o->mark_bytes > o->total_bytes)
		o->mark_bytes = o->total_bytes;
	control_send_stream_end(o->relay->session, o->stream, o->total_bytes);
	if (o->relay->slave_fd >= 0) {
		/* With its last master the terminal hangs up: whoever is left gets SIGHUP. */
		relay_close_stdin(&o->relay->input);
		fd_close(&o->relay->slave_fd);
	}
	relay_check(o->relay);
}

/* Somebody hung the terminal up (vhangup(2)), which closes our slave too: a new one revives it. */
static int relay_hold_terminal(struct relay *r)
{
	fd_close(&r->slave_fd);
	r->slave_fd = terminal_open_slave(relay_terminal(r));
	return r->slave_fd < 0 ? -errno : 0;
}

/* The stream has nothing more, now that its process is dead. */
static bool relay_is_over(const struct relay_output *o, ssize_t n, int error)
{
	if (n == 0)
		return true;
	if (n > 0 || error != EAGAIN)
		return false;
	/* Dead writers may have left a pipe in a socket that is not cleared up yet. A terminal goes
	 * with its session's process, whoever else has it. */
	return o->relay->is_all_dead || (o->relay->is_finishing && o->relay->slave_fd >= 0);
}

static size_t relay_wanted(const struct relay_output *o)
{
	uint64_t left = o->mark_bytes - o->total_bytes;

	if (!o->relay->is_finishing || o->relay->slave_fd < 0 || left > o->relay->output_bytes)
		return o->relay->output_bytes;
	return left;
}

static void relay_wait_pipe(struct relay_output *o)
{
	loop_remove(&o->port);
	if (o->pipe.fd < 0)
		loop_add(&o->pipe, o->pipe_fd, EPOLLIN, relay_on_output);
}

/* The pipe leaves the loop meanwhile: without writers it would report EPOLLHUP for ever. */
static void relay_wait_port(struct relay_output *o)
{
	loop_remove(&o->pipe);
	if (o->port.fd < 0)
		loop_add(&o->port, o->port_fd, EPOLLOUT | EPOLLET, relay_on_port_writable);
}

/* True when the port has taken all that was read. */
static bool relay_write_port(struct relay_output *o)
{
	while (o->have) {
		ssize_t n = write(o->port_fd, o->data + o->at, o->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0)
			machine_die("relay of stream %d of session %u: errno %d", (int)o->stream,
				    o->relay->session, errno);
		o->at += (size_t)n;
		o->have -= (size_t)n;
		o->total_bytes += (uint64_t)n;
	}
	return true;
}

/* Copying, not splice(2): that passes 330 MB/s under TCG where this passes 250, but it can pin 128
 * times the pipe's size of guest memory in the port's queue (writes: 128 times 32 KiB), and
 * virtio_console (seen in Linux 6.1) queues unset scatterlist entries unless all of the pipe is
 * taken and no buffer in it is empty, as one is after a write that faulted: QEMU then declares the
 * whole device broken, and the control link with it.
 *
 * Returns false when the stream has ended, and its structure may be gone with its session. */
static bool relay_pump_output(struct relay_output *o)
{
	for (int i = 0; i < RELAY_ROUNDS; i++) {
		ssize_t n;

		if (!relay_write_port(o)) {
			relay_wait_port(o);
			return true;
		}
		n = read(o->pipe_fd, o->data, relay_wanted(o));
		if (n < 0 && errno == EIO && o->relay->slave_fd >= 0) {
			n = relay_hold_terminal(o->relay);
			errno = EAGAIN;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			machine_die("relay of stream %d of session %u: errno %d", (int)o->stream,
				    o->relay->session, errno);
		}
		if (relay_is_over(o, n, errno)) {
			relay_end_output(o);
			return false;
		}
		if (n < 0)
			break;
		o->at = 0;
		o->have = (size_t)n;
	}
	/* What was read last must not wait for the pipe. */
	if (relay_write_port(o))
		relay_wait_pipe(o); /* level-triggered: its turn comes again */
	else
		relay_wait_port(o);
	return true;
}

static void relay_move_output(struct relay_output *o)
{
	if (relay_pump_output(o))
		relay_check(o->relay);
}

static void relay_on_output(struct loop_source *s, uint32_t events)
{
	(void)events;
	relay_move_output(LOOP_OWNER(s, struct relay_output, pipe));
}

static void relay_on_port_writable(struct loop_source *s, uint32_t events)
{
	if (events & EPOLLOUT)
		relay_move_output(LOOP_OWNER(s, struct relay_output, port));
}

/* True when all of the buffer has gone to the process, or to nowhere. */
static bool relay_write_stdin(struct relay_input *i)
{
	while (i->have && i->pipe_fd >= 0) {
		ssize_t n = write(i->pipe_fd, i->data + i->at, i->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			relay_close_stdin(i);
			return !i->is_ended;
		}
		i->at += (size_t)n;
		i->have -= (size_t)n;
	}
	i->have = 0;
	return true;
}

/* Fills the buffer. The kernel hands out a page at a time, a pipe likes larger writes. */
static void relay_read_port(struct relay_input *i)
{
	size_t room = i->relay->input_bytes;

	i->at = 0;
	while (i->have < room) {
		uint64_t want = i->end_bytes - i->received_bytes;
		ssize_t n;

		if (want > room - i->have)
			want = room - i->have;
		if (!want)
			return;
		n = read(i->port_fd, i->data + i->have, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			machine_die("relay of stdin of session %u: errno %d", i->relay->session,
				    errno);
		if (n <= 0) /* nothing now; or not open yet, see above */
			return;
		i->have += (size_t)n;
		i->received_bytes += (uint64_t)n;
	}
}

static void relay_end_input(struct relay_input *i)
{
	loop_remove(&i->pipe);
	loop_remove(&i->port);
	fd_close(&i->pipe_fd);
	i->is_ended = true;
}

/* The process's pipe decides when it goes on, not the port: what is in the buffer may be the last
 * of all, with no wake-up of the port to come. */
static void relay_wait_stdin_pipe(struct relay_input *i)
{
	loop_remove(&i->port);
	loop_set(&i->pipe, EPOLLOUT);
}

static void relay_pump_input(struct relay_input *i)
{
	if (i->is_ended)
		return;
	/* Throwing away is not limited: the host stops sending when it hears of it. */
	for (int round = 0; i->pipe_fd < 0 || round < RELAY_ROUNDS; round++) {
		if (!relay_write_stdin(i)) {
			relay_wait_stdin_pipe(i);
			return;
		}
		if (i->received_bytes >= i->end_bytes) {
			relay_end_input(i);
			return;
		}
		relay_read_port(i);
		if (!i->have && i->received_bytes < i->end_bytes) {
			loop_set(&i->pipe, 0); /* EPOLLERR: the last reader goes */
			/* Adding (again) reports what is ready now, and then every wake-up. */
			loop_remove(&i->port);
			loop_add(&i->port, i->port_fd, EPOLLIN | EPOLLET, relay_on_input);
			return;
		}
	}
	relay_wait_stdin_pipe(i);
}

static void relay_on_input(struct loop_source *s, uint32_t events)
{
	if (events & EPOLLIN)
		relay_pump_input(LOOP_OWNER(s, struct relay_input, port));
}

static void relay_on_pipe_writable(struct loop_source *s, uint32_t events)
{
	struct relay_input *i = LOOP_OWNER(s, struct relay_input, pipe);
	bool is_hung_up = i->relay->slave_fd >= 0 && (events & EPOLLHUP);

	if ((events & EPOLLERR) || (is_hung_up && relay_hold_terminal(i->relay) < 0))
		relay_close_stdin(i);
	relay_pump_input(i);
}

void relay_init(struct relay *r, uint16_t session, relay_callback *on_event)
{
	static const enum proto_stream streams[RELAY_OUTPUTS] = {PROTO_STDOUT, PROTO_STDERR};
	struct loop_source none = {.fd = -1};

	*r = (struct relay){
		.session = session,
		.input_bytes = session ? RELAY_EXEC_BYTES : RELAY_STDIN_BYTES,
		.output_bytes = session ? RELAY_EXEC_BYTES : RELAY_OUTPUT_BYTES,
		.on_event = on_event,
		.slave_fd = -1,
	};
	r->input = (struct relay_input){.relay = r,
					.pipe_fd = -1,
					.port_fd = -1,
					.pipe = none,
					.port = none,
					.end_bytes = RELAY_NO_END};
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		r->outputs[i] = (struct relay_output){.relay = r,
						      .pipe_fd = -1,
						      .port_fd = -1,
						      .pipe = none,
						      .port = none,
						      .stream = streams[i]};
	}
}

int *relay_port(struct relay *r, enum proto_stream stream)
{
	return stream == PROTO_STDIN ? &r->input.port_fd
				     : &r->outputs[stream - PROTO_STDOUT].port_fd;
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

static int *relay_pipe(struct relay *r, enum proto_stream stream)
{
	return stream == PROTO_STDIN ? &r->input.pipe_fd
				     : &r->outputs[stream - PROTO_STDOUT].pipe_fd;
}

int relay_make_pipes(struct relay *r, uid_t uid, int ret_ends[PROTO_STREAM_COUNT], struct err *e)
{
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		int status;

		ret_ends[i] = -1;
		if (*relay_port(r, i) < 0)
			continue;
		status = relay_make_pipe(relay_pipe(r, i), &ret_ends[i], i == PROTO_STDIN, uid);
		if (status < 0)
			return err_sys(e, status, "guest: making the pipe of stream %d", i);
	}
	return 0;
}

int relay_set_terminal(struct relay *r, int master_fd)
{
	r->outputs[0].pipe_fd = master_fd;
	/* Of its own: the loop knows a descriptor once. */
	r->input.pipe_fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 0);
	if (r->input.pipe_fd < 0)
		return -errno;
	r->slave_fd = terminal_open_slave(master_fd);
	return r->slave_fd < 0 ? -errno : fd_set_nonblock(master_fd, 1);
}

int relay_terminal(const struct relay *r)
{
	return r->slave_fd < 0 ? -1 : r->outputs[0].pipe_fd;
}

static void relay_unblock(int port_fd)
{
	if (fd_set_nonblock(port_fd, 1) < 0)
		machine_die("relay: a port that cannot be made non-blocking: errno %d", errno);
}

void relay_start(struct relay *r)
{
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		if (r->outputs[i].pipe_fd < 0)
			continue;
		relay_unblock(r->outputs[i].port_fd);
		r->outputs[i].data = xmalloc(r->output_bytes);
		relay_wait_pipe(&r->outputs[i]);
	}
	if (r->input.pipe_fd >= 0) {
		relay_unblock(r->input.port_fd);
		r->input.data = xmalloc(r->input_bytes);
		loop_add(&r->input.pipe, r->input.pipe_fd, 0, relay_on_pipe_writable);
		relay_pump_input(&r->input);
	}
}

static bool relay_is_stdin_open(const struct relay_input *i)
{
	return i->data && !i->is_ended;
}

void relay_end_stdin(struct relay *r, uint64_t total_bytes)
{
	struct relay_input *i = &r->input;

	i->end_bytes = total_bytes;
	/* While the process's pipe is full the port is out of the loop: nothing to do now. */
	if (relay_is_stdin_open(i) && (i->port.fd >= 0 || !i->have))
		relay_pump_input(i);
}

void relay_drop_output(struct relay *r, enum proto_stream stream)
{
	struct relay_output *o = &r->outputs[stream - PROTO_STDOUT];

	if (o->port_fd >= 0 && !o->is_ended)
		relay_end_output(o);
}

/* The bytes that wait in a pipe; of a terminal what is on its way between its sides cannot be told,
 * but is limited. */
static uint64_t relay_waiting(const struct relay *r, int fd)
{
	int waiting = 0;

	if (r->slave_fd >= 0)
		return RELAY_TERMINAL_BYTES;
	return ioctl(fd, FIONREAD, &waiting) < 0 || waiting < 0 ? 0 : (uint64_t)waiting;
}

/* What is there now is the process's own output, whoever else may go on writing. */
static void relay_set_marks(struct relay *r)
{
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		struct relay_output *o = &r->outputs[i];

		o->mark_bytes = o->total_bytes;
		if (o->pipe_fd >= 0)
			o->mark_bytes += o->have + relay_waiting(r, o->pipe_fd);
	}
}

void relay_finish(struct relay *r, bool is_all_dead)
{
	if (!r->is_finishing) {
		relay_close_stdin(&r->input);
		if (relay_is_stdin_open(&r->input))
			relay_pump_input(&r->input);
		relay_set_marks(r);
	}
	r->is_finishing = true;
	r->is_all_dead = is_all_dead;
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		struct relay_output *o = &r->outputs[i];

		if (o->pipe_fd >= 0 && o->port.fd < 0)
			relay_pump_output(o);
		else if (o->port_fd >= 0 && o->pipe_fd < 0 && !o->is_ended)
			relay_end_output(o); /* it died before it had a terminal */
	}
	relay_check(r);
}

uint64_t relay_mark(const struct relay *r, enum proto_stream stream)
{
	return r->outputs[stream - PROTO_STDOUT].mark_bytes;
}

void relay_done(struct relay *r)
{
	loop_remove(&r->input.pipe);
	loop_remove(&r->input.port);
	fd_close(&r->input.pipe_fd);
	fd_close(&r->input.port_fd);
	free(r->input.data);
	r->input.data = NULL;
	fd_close(&r->slave_fd);
	for (size_t i = 0; i < RELAY_OUTPUTS; i++) {
		struct relay_output *o = &r->outputs[i];

		loop_remove(&o->pipe);
		loop_remove(&o->port);
		fd_close(&o->pipe_fd);
		fd_close(&o->port_fd);
		free(o->data);
		o->data = NULL;
	}
}
