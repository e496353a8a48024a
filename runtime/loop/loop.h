/* The one epoll loop of a process: level-triggered, callbacks never block or sleep.
 *
 * A source is added for a descriptor it does not own. Removing is allowed inside any callback, of
 * any source: the slot is freed only after the dispatch round, so that an event that was already
 * fetched for it is dropped and not delivered to a successor. */
#ifndef VMRT_LOOP_H
#define VMRT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_source;

typedef void loop_callback(void *arg, uint32_t events);

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Starts watching `fd` for `events` (EPOLLIN, EPOLLOUT, or 0: only errors and hang-ups). NULL with
 * errno set when the kernel refuses (EPERM: regular files are always ready and cannot be watched).
 */
struct loop_source *loop_add(struct loop *l, int fd, uint32_t events, loop_callback *call,
			     void *arg);
void loop_set_events(struct loop_source *s, uint32_t events);
/* Stops watching; accepts NULL. The descriptor stays open: remove before closing it. */
void loop_remove(struct loop_source *s);

/* A one-shot timer; `ms` 0 stops it. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, void (*call)(void *arg), void *arg);
void loop_timer_set(struct loop_timer *t, unsigned int ms);

/* Calls once after the current dispatch round, when no callback of the round is on the stack. */
void loop_defer(struct loop *l, void (*call)(void *arg), void *arg);

/* Runs until loop_stop(). 0 or -errno of epoll_wait. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
