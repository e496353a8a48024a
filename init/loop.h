/* The one epoll loop of init: level-triggered, callbacks never block. */
#ifndef VMRT_INIT_LOOP_H
#define VMRT_INIT_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* Sources live in static storage: an event that was fetched before its source was removed finds
 * fd == -1 and is dropped. */
struct loop_source {
	int fd; /* borrowed; -1: not in the loop */
	uint32_t events;
	void (*on_event)(struct loop_source *s, uint32_t events);
};

/* The structure that a source, or another member, is part of. */
#define LOOP_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

void loop_init(void);

/* Puts `fd` into the loop. It must not be in it already. */
void loop_add(struct loop_source *s, int fd, uint32_t events,
	      void (*on_event)(struct loop_source *s, uint32_t events));

/* Changes what is waited for; nothing when it is that already. EPOLLERR and EPOLLHUP always are. */
void loop_set(struct loop_source *s, uint32_t events);

void loop_remove(struct loop_source *s);

/* For ever. */
_Noreturn void loop_run(void);

#endif
