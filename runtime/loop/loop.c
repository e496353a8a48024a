/* The epoll loop. Must not know what its descriptors are. */
#include "runtime/loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define LOOP_ROUND_EVENTS 32

struct loop_source {
	struct loop *loop;
	struct loop_source *next_dead;
	loop_callback *call; /* NULL once removed */
	void *arg;
	int fd;
	uint32_t events;
};

struct loop_timer {
	void (*call)(void *arg);
	void *arg;
	int fd;
	struct loop_source *source;
	struct loop_timer *next;
};

struct loop_deferred {
	struct loop_deferred *next;
	void (*call)(void *arg);
	void *arg;
};

struct loop {
	struct loop_deferred *deferred;
	int epoll_fd;
	bool is_stopped;
	struct loop_source *dead;
	struct loop_timer *timers;
};

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return NULL;
	}
	return l;
}

static void loop_bury(struct loop *l)
{
	while (l->dead) {
		struct loop_source *s = l->dead;

		l->dead = s->next_dead;
		free(s);
	}
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->timers) {
		struct loop_timer *t = l->timers;

		l->timers = t->next;
		loop_remove(t->source);
		fd_close(&t->fd);
		free(t);
	}
	loop_bury(l);
	while (l->deferred) {
		struct loop_deferred *d = l->deferred;

		l->deferred = d->next;
		free(d);
	}
	fd_close(&l->epoll_fd);
	free(l);
}

struct loop_source *loop_add(struct loop *l, int fd, uint32_t events, loop_callback *call,
			     void *arg)
{
	struct loop_source *s = xcalloc(1, sizeof(*s));
	struct epoll_event ev = {.events = events, .data.ptr = s};

	*s = (struct loop_source){.loop = l, .call = call, .arg = arg, .fd = fd, .events = events};
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

void loop_set_events(struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (s->events == events)
		return;
	s->events = events;
	epoll_ctl(s->loop->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev);
}

void loop_remove(struct loop_source *s)
{
	if (!s || !s->call)
		return;
	epoll_ctl(s->loop->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	s->call = NULL;
	s->next_dead = s->loop->dead;
	s->loop->dead = s;
}

static void loop_timer_on_event(void *arg, uint32_t events)
{
	struct loop_timer *t = arg;
	uint64_t count;

	(void)events;
	if (read(t->fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		t->call(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*call)(void *arg), void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));

	t->call = call;
	t->arg = arg;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	t->source = t->fd < 0 ? NULL : loop_add(l, t->fd, EPOLLIN, loop_timer_on_event, t);
	if (!t->source) {
		fd_close(&t->fd);
		free(t);
		return NULL;
	}
	t->next = l->timers;
	l->timers = t;
	return t;
}

void loop_timer_set(struct loop_timer *t, unsigned int ms)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000},
	};

	timerfd_settime(t->fd, 0, &when, NULL);
}

void loop_defer(struct loop *l, void (*call)(void *arg), void *arg)
{
	struct loop_deferred *d = xcalloc(1, sizeof(*d));

	*d = (struct loop_deferred){.next = l->deferred, .call = call, .arg = arg};
	l->deferred = d;
}

static void loop_call_deferred(struct loop *l)
{
	while (l->deferred) {
		struct loop_deferred d = *l->deferred;

		free(l->deferred);
		l->deferred = d.next;
		d.call(d.arg);
	}
}

int loop_run(struct loop *l)
{
	struct epoll_event events[LOOP_ROUND_EVENTS];

	while (!l->is_stopped) {
		int n = epoll_wait(l->epoll_fd, events, LOOP_ROUND_EVENTS, -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			struct loop_source *s = events[i].data.ptr;

			if (s->call)
				s->call(s->arg, events[i].events);
		}
		loop_call_deferred(l);
		loop_bury(l);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->is_stopped = true;
}
