/* Connections whose owner has gone stay in one of three states until the other side has everything,
 * the end included. The kernel tells nobody when that is so, and they are read again and again.
 * Those to the host's Unix sockets are over when the host has said so, which is looked at as often.
 *
 * Must not wait for who does not read: limits count from the last byte that was taken. */
#include "init/drain.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "init/control.h"
#include "init/diag.h"
#include "init/loop.h"
#include "init/machine.h"
#include "init/sockets.h"
#include "lib/fd.h"

#define DRAIN_STATES	(1u << TCP_FIN_WAIT1 | 1u << TCP_CLOSING | 1u << TCP_LAST_ACK)
#define DRAIN_PERIOD_NS 10000000
/* Of no progress: a lost segment is sent again after 200 ms, 400 ms, ... Less than the 5 s that the
 * host waits after SIGKILL. */
#define DRAIN_DATA_LIMIT_US UINT64_C(4000000)
/* A peer that is gone and was owed nothing but the end. */
#define DRAIN_END_LIMIT_US UINT64_C(1000000)
#define DRAIN_LIMIT_US	   UINT64_C(60000000) /* in all */

struct drain_state {
	uint64_t bytes; /* not acknowledged, the ends left out */
	uint32_t connections;
	struct sockets_rest sockets;
};

static struct {
	struct loop_source timer;
	int fd; /* NETLINK_SOCK_DIAG */
	void (*on_done)(void);
	uint64_t begin_us;
	uint64_t progress_us;
	struct drain_state last;
} drain = {.timer.fd = -1, .fd = -1};

static void drain_take(const struct nlmsghdr *message, void *arg)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	struct drain_state *state = arg;

	if (!m->idiag_wqueue)
		return;
	state->connections++;
	state->bytes += m->idiag_wqueue - 1; /* the end is one in the sequence */
}

/* Sockets that cannot be read are sockets that nobody waits for. */
static struct drain_state drain_look(void)
{
	struct drain_state now = {0};

	if (diag_dump(drain.fd, IPPROTO_TCP, DRAIN_STATES, drain_take, &now) < 0)
		now = (struct drain_state){0};
	now.sockets = sockets_rest();
	return now;
}

static bool drain_is_progress(const struct drain_state *now)
{
	const struct drain_state *last = &drain.last;

	return now->bytes != last->bytes || now->connections != last->connections ||
	       now->sockets.connections != last->sockets.connections ||
	       now->sockets.moved_bytes != last->sockets.moved_bytes;
}

static bool drain_is_empty(const struct drain_state *now)
{
	return !now->connections && !now->sockets.connections;
}

static void drain_finish(void)
{
	int timer = drain.timer.fd;

	if (drain.last.bytes)
		control_send_log(PROTO_LOG_WARN,
				 "network: %llu bytes that the container has sent are lost: nobody "
				 "takes them",
				 (unsigned long long)drain.last.bytes);
	if (drain.last.sockets.connections)
		control_send_log(PROTO_LOG_WARN,
				 "sockets: what the container has written on %u connections is "
				 "lost: nobody takes it",
				 drain.last.sockets.connections);
	if (timer >= 0) {
		loop_remove(&drain.timer);
		control_send_log(PROTO_LOG_DEBUG, "init: connections drained in %llu us",
				 (unsigned long long)(machine_now_us() - drain.begin_us));
	}
	fd_close(&timer);
	fd_close(&drain.fd);
	drain.on_done();
}

static void drain_on_timer(struct loop_source *s, uint32_t events)
{
	uint64_t now_us = machine_now_us();
	struct drain_state now;
	uint64_t limit_us;
	uint64_t count;

	(void)events;
	(void)!read(s->fd, &count, sizeof(count));
	now = drain_look();
	if (drain_is_progress(&now))
		drain.progress_us = now_us;
	drain.last = now;
	limit_us = now.bytes || now.sockets.connections ? DRAIN_DATA_LIMIT_US : DRAIN_END_LIMIT_US;
	if (!drain_is_empty(&now) && now_us - drain.progress_us < limit_us &&
	    now_us - drain.begin_us < DRAIN_LIMIT_US)
		return;
	drain_finish();
}

void drain_wait(void (*on_done)(void))
{
	const struct itimerspec period = {.it_value = {.tv_nsec = DRAIN_PERIOD_NS},
					  .it_interval = {.tv_nsec = DRAIN_PERIOD_NS}};
	int timer;

	drain.on_done = on_done;
	drain.fd = diag_open();
	drain.begin_us = drain.progress_us = machine_now_us();
	drain.last = drain_look();
	if (drain_is_empty(&drain.last)) {
		drain_finish();
		return;
	}
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer < 0 || timerfd_settime(timer, 0, &period, NULL) < 0)
		machine_die("drain: timer: errno %d", errno);
	loop_add(&drain.timer, timer, EPOLLIN, drain_on_timer);
}

void drain_stop(void)
{
	if (drain.timer.fd >= 0)
		drain_finish();
}
