/* The guest's time of day follows the host's when that is set, or the machine has slept. Everything
 * else here counts on CLOCK_MONOTONIC. Must not read the time: guest_send_clock() does. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Never comes: the timer is there to be cancelled. */
#define CLOCK_FAR_S ((time_t)1 << 36)

/* timerfd_create(2): such a timer is readable, with ECANCELED, when the clock was changed. */
static int clock_watch(const struct monitor *m)
{
	const struct itimerspec when = {.it_value.tv_sec = CLOCK_FAR_S};

	return timerfd_settime(m->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when,
			       NULL) < 0
		       ? -errno
		       : 0;
}

static void clock_tell(struct monitor *m)
{
	enum session_state state = m->container.state;

	/* It was told a moment ago, and is told again when it can listen. */
	m->is_clock_late = state < SESSION_CREATED;
	/* One that stands still is told when it goes on. */
	if (state >= SESSION_CREATED && state < SESSION_EXITED && !m->is_paused)
		guest_send_clock(m);
}

static void clock_on_event(void *arg, uint32_t events)
{
	struct monitor *m = arg;
	uint64_t count;

	(void)events;
	(void)!read(m->clock_fd, &count, sizeof(count));
	(void)clock_watch(m);
	clock_tell(m);
}

void clock_on_created(struct monitor *m)
{
	if (m->is_clock_late)
		clock_tell(m);
}

int clock_open(struct monitor *m, struct err *e)
{
	m->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->clock_fd < 0 || clock_watch(m) < 0 ||
	    !loop_add(m->loop, m->clock_fd, EPOLLIN, clock_on_event, m))
		return err_sys(e, -errno, "watching the host's clock");
	return 0;
}
