/* The one epoll loop of init. Must not know what a source is for. */
#include "init/loop.h"

#include <errno.h>
#include <sys/epoll.h>

#include "init/machine.h"

#define LOOP_BATCH 16

static int loop_fd = -1;

void loop_init(void)
{
	loop_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop_fd < 0)
		machine_die("epoll_create: errno %d", errno);
}

static void loop_control(struct loop_source *s, int op)
{
	struct epoll_event ev = {.events = s->events, .data.ptr = s};

	if (epoll_ctl(loop_fd, op, s->fd, &ev) < 0)
		machine_die("epoll_ctl %d: errno %d", op, errno);
}

void loop_add(struct loop_source *s, int fd, uint32_t events,
	      void (*on_event)(struct loop_source *s, uint32_t events))
{
	*s = (struct loop_source){.fd = fd, .events = events, .on_event = on_event};
	loop_control(s, EPOLL_CTL_ADD);
}

void loop_set(struct loop_source *s, uint32_t events)
{
	if (s->fd < 0 || s->events == events)
		return;
	s->events = events;
	loop_control(s, EPOLL_CTL_MOD);
}

void loop_remove(struct loop_source *s)
{
	if (s->fd < 0)
		return;
	loop_control(s, EPOLL_CTL_DEL);
	s->fd = -1;
}

void loop_run(void)
{
	struct epoll_event batch[LOOP_BATCH];

	for (;;) {
		int count = epoll_wait(loop_fd, batch, LOOP_BATCH, -1);

		if (count < 0 && errno != EINTR)
			machine_die("epoll_wait: errno %d", errno);
		for (int i = 0; i < count; i++) {
			struct loop_source *s = batch[i].data.ptr;

			if (s->fd >= 0)
				s->on_event(s, batch[i].events);
		}
	}
}
