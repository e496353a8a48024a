/* QEMU's user-mode network acknowledges what the guest sends before the host's kernel has it, up to
 * 128 KiB of each connection. It tells of that only when it is asked, so it is asked again and
 * again. (passt acknowledges nothing that is not the kernel's, and has nothing to flush.)
 *
 * Must not wait for a reader that does not read: the limit counts from the last byte it took. */
#include "runtime/monitor/internal.h"

#include <inttypes.h>

#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/net/user.h"

#define FLUSH_PERIOD_MS 20
#define FLUSH_LIMIT_MS	5000

struct flush {
	struct loop_timer *timer; /* to ask again */
	struct loop_timer *limit; /* of no progress, an answer that does not come included */
	bool is_over;
	uint64_t held; /* bytes, when QEMU was asked last */
};

static void flush_end(struct monitor *m)
{
	m->flush->is_over = true;
	loop_timer_set(m->flush->timer, 0);
	loop_timer_set(m->flush->limit, 0);
	monitor_end_when_over(m);
}

static void flush_give_up(void *arg)
{
	struct monitor *m = arg;

	if (m->is_ending || m->flush->is_over)
		return;
	if (m->flush->held)
		log_warn("network: %" PRIu64 " bytes that the container has sent are lost: nobody "
			 "takes them",
			 m->flush->held);
	else
		log_warn("network: what the container has sent last may be lost: qemu does not "
			 "tell whether it holds something");
	flush_end(m);
}

static void flush_on_text(void *arg, const char *text)
{
	struct monitor *m = arg;
	struct flush *f = m->flush;
	uint64_t held = text ? user_network_count_held(text) : 0;

	if (m->is_ending || f->is_over)
		return;
	if (!text) {
		flush_give_up(m);
		return;
	}
	if (held != f->held)
		loop_timer_set(f->limit, FLUSH_LIMIT_MS);
	f->held = held;
	if (held)
		loop_timer_set(f->timer, FLUSH_PERIOD_MS);
	else
		flush_end(m);
}

static void flush_ask(void *arg)
{
	struct monitor *m = arg;

	qmp_ask_line(m->qmp, "info usernet", flush_on_text, m);
}

bool flush_is_over(struct monitor *m)
{
	const struct plan *plan = m->start->plan;

	if (!plan->has_user_network || plan->user_network.passt)
		return true;
	if (m->flush)
		return m->flush->is_over;
	m->flush = xcalloc(1, sizeof(*m->flush));
	m->flush->timer = loop_timer_new(m->loop, flush_ask, m);
	m->flush->limit = loop_timer_new(m->loop, flush_give_up, m);
	if (m->flush->timer && m->flush->limit) {
		loop_timer_set(m->flush->limit, FLUSH_LIMIT_MS);
		flush_ask(m);
	} else {
		m->flush->is_over = true;
	}
	/* The answer may have come already, if the link is broken. */
	return m->flush->is_over;
}
