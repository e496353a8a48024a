/* One stream between an engine and QEMU. Must not know sessions, messages or the guest. */
#include "runtime/monitor/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define RELAY_CHUNK_BYTES (1u << 20)
#define RELAY_ROUND_BYTES (4u << 20) /* then other sources get their turn */
#define RELAY_COPY_BYTES  (64u << 10)

enum relay_wait { RELAY_WAIT_NOTHING, RELAY_WAIT_INPUT, RELAY_WAIT_OUTPUT };

struct relay {
	struct loop *loop;
	int from;
	int to;
	struct loop_source *from_source; /* only while waiting for input: a hang-up repeats */
	struct loop_source *to_source;	 /* NULL: a regular file, always ready */
	relay_callback *call;
	void *arg;
	bool is_incoming;
	bool can_splice;
	bool is_discarding;
	bool has_total;
	bool has_mark;
	bool is_done;
	uint64_t moved;
	uint64_t total;
	uint64_t mark;
	uint8_t *buffer; /* copying only: bytes read but not written yet */
	size_t buffer_at;
	size_t buffer_size;
};

static void relay_pump(struct relay *r);

static bool relay_fd_is(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* Splicing needs a pipe on one side (the FIFO) and does not work to files opened for appending;
 * on terminals and sockets it can block in spite of the flag. */
static bool relay_fd_can_splice(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (relay_fd_is(fd, S_IFIFO))
		return true;
	return relay_fd_is(fd, S_IFREG) && flags >= 0 && !(flags & O_APPEND);
}

int relay_take_stdio(int fd, bool is_input)
{
	auto_close int own = fd;
	char path[64];
	int fresh;

	if (!relay_fd_is(fd, S_IFIFO) && !relay_fd_is(fd, S_IFCHR))
		return take_fd(own);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fresh = open(path, (is_input ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fresh < 0 && errno != ENXIO) {
		/* A terminal or pipe we may hold but not open: share the description after all. */
		fd_set_nonblock(fd, 1);
		return take_fd(own);
	}
	return fresh;
}

static void relay_unwatch(struct relay *r)
{
	loop_remove(r->from_source);
	r->from_source = NULL;
	loop_remove(r->to_source);
	r->to_source = NULL;
}

static void relay_finish(struct relay *r, enum relay_event event)
{
	if (r->is_done)
		return;
	r->is_done = true;
	relay_unwatch(r);
	fd_close(r->is_incoming ? &r->from : &r->to);
	r->call(r->arg, event);
}

static void relay_on_from(void *arg, uint32_t events)
{
	(void)events;
	relay_pump(arg);
}

static void relay_drop_reader(struct relay *r)
{
	if (r->is_discarding)
		return;
	r->is_discarding = true;
	loop_remove(r->to_source);
	r->to_source = NULL;
	fd_close(&r->to);
	r->moved += r->buffer_size - r->buffer_at;
	r->buffer_size = r->buffer_at = 0;
	r->call(r->arg, RELAY_READER_GONE);
}

static void relay_on_to(void *arg, uint32_t events)
{
	struct relay *r = arg;

	if (!r->is_incoming && (events & (EPOLLERR | EPOLLHUP)))
		relay_drop_reader(r);
	relay_pump(r);
}

static void relay_wait(struct relay *r, enum relay_wait wait)
{
	if (r->is_done)
		return;
	if (wait == RELAY_WAIT_INPUT && !r->from_source)
		r->from_source = loop_add(r->loop, r->from, EPOLLIN, relay_on_from, r);
	if (wait != RELAY_WAIT_INPUT && r->from_source) {
		loop_remove(r->from_source);
		r->from_source = NULL;
	}
	if (r->to_source)
		loop_set_events(r->to_source, wait == RELAY_WAIT_OUTPUT ? EPOLLOUT : 0);
}

/* Which side made splice(2) say EAGAIN? */
static enum relay_wait relay_blocked_side(const struct relay *r)
{
	int waiting = 0;

	if (r->is_incoming) {
		struct pollfd p = {.fd = r->to, .events = POLLOUT};

		return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) ? RELAY_WAIT_INPUT
								    : RELAY_WAIT_OUTPUT;
	}
	if (ioctl(r->from, FIONREAD, &waiting) == 0 && waiting > 0)
		return RELAY_WAIT_OUTPUT;
	return RELAY_WAIT_INPUT;
}

static ssize_t relay_write(const struct relay *r, const void *data, size_t size)
{
	ssize_t n = send(r->to, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK)
		n = write(r->to, data, size);
	return n;
}

static ssize_t relay_read(const struct relay *r, void *data, size_t size)
{
	ssize_t n = recv(r->from, data, size, MSG_DONTWAIT);

	if (n < 0 && errno == ENOTSOCK)
		n = read(r->from, data, size);
	return n;
}

/* Moves something. Bytes that arrived at the other side, 0 at end of file, -1 with errno;
 * *ret_wait says what EAGAIN waits for. */
static ssize_t relay_copy(struct relay *r, enum relay_wait *ret_wait)
{
	ssize_t n;

	if (!r->buffer)
		r->buffer = xmalloc(RELAY_COPY_BYTES);
	if (r->buffer_at == r->buffer_size) {
		*ret_wait = RELAY_WAIT_INPUT;
		n = relay_read(r, r->buffer, RELAY_COPY_BYTES);
		if (n <= 0)
			return n;
		r->buffer_at = 0;
		r->buffer_size = (size_t)n;
	}
	*ret_wait = RELAY_WAIT_OUTPUT;
	n = relay_write(r, r->buffer + r->buffer_at, r->buffer_size - r->buffer_at);
	if (n > 0)
		r->buffer_at += (size_t)n;
	return n;
}

static ssize_t relay_discard(struct relay *r, enum relay_wait *ret_wait)
{
	if (!r->buffer)
		r->buffer = xmalloc(RELAY_COPY_BYTES);
	*ret_wait = RELAY_WAIT_INPUT;
	return read(r->from, r->buffer, RELAY_COPY_BYTES);
}

static ssize_t relay_move(struct relay *r, enum relay_wait *ret_wait)
{
	ssize_t n;

	if (r->is_discarding)
		return relay_discard(r, ret_wait);
	if (!r->can_splice)
		return relay_copy(r, ret_wait);
	n = splice(r->from, NULL, r->to, NULL, RELAY_CHUNK_BYTES,
		   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0 && errno == EINVAL) {
		r->can_splice = false;
		return relay_copy(r, ret_wait);
	}
	if (n < 0 && errno == EAGAIN)
		*ret_wait = relay_blocked_side(r);
	return n;
}

/* True when the stream came to its end. */
static bool relay_check_total(struct relay *r)
{
	if (!r->has_total || r->is_done || r->moved < r->total)
		return r->is_done;
	relay_finish(r, r->moved == r->total ? RELAY_DRAINED : RELAY_OVERRUN);
	return true;
}

static void relay_check_mark(struct relay *r)
{
	if (!r->has_mark || r->moved < r->mark)
		return;
	r->has_mark = false;
	r->call(r->arg, RELAY_MARKED);
}

/* An error that is neither "later" nor "interrupted". */
static void relay_fail(struct relay *r)
{
	if (r->is_incoming)
		relay_finish(r, RELAY_SOURCE_ENDED);
	else
		relay_drop_reader(r);
}

static void relay_pump(struct relay *r)
{
	enum relay_wait wait = RELAY_WAIT_INPUT;
	uint64_t stop_at = r->moved + RELAY_ROUND_BYTES;

	while (!relay_check_total(r) && r->moved < stop_at) {
		ssize_t n = relay_move(r, &wait);

		if (n > 0) {
			r->moved += (uint64_t)n;
			wait = RELAY_WAIT_INPUT;
		} else if (n == 0) {
			/* A FIFO that we hold open ourselves has no end: only stdin gets here. */
			relay_fail(r);
			return;
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			relay_fail(r);
			if (r->is_incoming)
				return;
		}
	}
	relay_wait(r, wait);
	/* A regular file cannot be watched: go on when the FIFO has room (it has, after a round).
	 */
	if (!r->is_done && wait == RELAY_WAIT_INPUT && !r->from_source && r->to_source)
		loop_set_events(r->to_source, EPOLLOUT);
	relay_check_mark(r);
}

static struct relay *relay_new(struct loop *l, int from, int to, relay_callback *call, void *arg)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	*r = (struct relay){.loop = l, .from = from, .to = to, .call = call, .arg = arg};
	return r;
}

struct relay *relay_new_incoming(struct loop *l, int fd, int fifo_fd, relay_callback *call,
				 void *arg)
{
	struct relay *r = relay_new(l, fd, fifo_fd, call, arg);

	r->is_incoming = true;
	r->can_splice = relay_fd_can_splice(fd);
	return r;
}

struct relay *relay_new_outgoing(struct loop *l, int fifo_fd, int fd, relay_callback *call,
				 void *arg)
{
	struct relay *r = relay_new(l, fifo_fd, fd, call, arg);

	r->can_splice = fd >= 0 && relay_fd_can_splice(fd);
	if (fd >= 0)
		r->to_source = loop_add(l, fd, 0, relay_on_to, r);
	else
		relay_drop_reader(r);
	relay_wait(r, RELAY_WAIT_INPUT);
	return r;
}

void relay_start(struct relay *r)
{
	if (r->is_done)
		return;
	if (!r->to_source)
		r->to_source = loop_add(r->loop, r->to, 0, relay_on_to, r);
	relay_pump(r);
}

void relay_set_total(struct relay *r, uint64_t total_bytes)
{
	r->has_total = true;
	r->total = total_bytes;
	relay_pump(r);
}

void relay_set_mark(struct relay *r, uint64_t mark_bytes)
{
	r->has_mark = true;
	r->mark = mark_bytes;
	relay_check_mark(r);
}

void relay_close(struct relay *r)
{
	if (!r || r->is_done)
		return;
	r->is_done = true;
	relay_unwatch(r);
	fd_close(r->is_incoming ? &r->from : &r->to);
}

void relay_hang_up(struct relay *r)
{
	if (relay_is_done(r))
		return;
	if (r->is_incoming) {
		relay_finish(r, RELAY_SOURCE_ENDED);
	} else {
		relay_drop_reader(r);
		relay_pump(r);
	}
}

int relay_output_fd(const struct relay *r)
{
	return r->to;
}

bool relay_is_marked(const struct relay *r)
{
	return relay_is_done(r) || r->moved >= r->mark;
}

uint64_t relay_moved(const struct relay *r)
{
	return r->moved;
}

bool relay_is_done(const struct relay *r)
{
	return !r || r->is_done;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	relay_unwatch(r);
	fd_close(&r->from);
	fd_close(&r->to);
	free(r->buffer);
	free(r);
}
