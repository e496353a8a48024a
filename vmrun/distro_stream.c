/* Moving bytes, with back-pressure: nothing is read while something waits to be written. */
#include "vmrun/distro_stream.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

void distro_stream_init(struct distro_stream *s, int from, int to, const char *mark)
{
	s->from = from;
	s->to = to;
	s->mark = mark;
	s->size = s->ready = 0;
	s->has_ended = s->has_broken = false;
}

void distro_stream_poll(const struct distro_stream *s, struct pollfd *ret)
{
	ret->fd = s->ready ? s->to : s->from;
	ret->events = s->ready ? POLLOUT : POLLIN;
	ret->revents = 0;
	if (s->has_ended)
		ret->fd = -1;
}

/* How many bytes at the end may be the beginning of the mark. */
static size_t stream_begun_mark(const struct distro_stream *s)
{
	size_t most = strlen(s->mark) - 1;

	for (size_t n = s->size < most ? s->size : most; n; n--) {
		if (!memcmp(s->data + s->size - n, s->mark, n))
			return n;
	}
	return 0;
}

static void stream_look_for_mark(struct distro_stream *s)
{
	const char *at = s->mark ? memmem(s->data, s->size, s->mark, strlen(s->mark)) : NULL;

	if (at) {
		s->size = s->ready = (size_t)(at - s->data);
		s->from = -1;
	} else {
		s->ready = s->size - (s->mark ? stream_begun_mark(s) : 0);
	}
}

static void stream_read(struct distro_stream *s)
{
	ssize_t n = read(s->from, s->data + s->size, sizeof(s->data) - s->size);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		s->size += (size_t)n;
		stream_look_for_mark(s);
		return;
	}
	/* What looked like a mark was none. */
	s->ready = s->size;
	s->from = -1;
}

/* A pipe that can take anything takes PIPE_BUF bytes: it may be a blocking one. */
static void stream_write(struct distro_stream *s)
{
	size_t size = s->ready < PIPE_BUF ? s->ready : PIPE_BUF;
	ssize_t n = s->to < 0 ? (ssize_t)s->ready : write(s->to, s->data, size);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		s->has_broken = true;
		s->to = -1;
		n = (ssize_t)s->ready;
	}
	memmove(s->data, s->data + n, s->size - (size_t)n);
	s->size -= (size_t)n;
	s->ready -= (size_t)n;
}

void distro_stream_move(struct distro_stream *s, short revents)
{
	if (s->has_ended)
		return;
	if (s->ready && (revents || s->to < 0))
		stream_write(s);
	else if (!s->ready && revents && s->from >= 0)
		stream_read(s);
	while (s->ready && s->to < 0)
		stream_write(s);
	s->has_ended = s->from < 0 && !s->size;
}
