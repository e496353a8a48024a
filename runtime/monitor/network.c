/* When the guest is told of its network: when it has been given the container's description, which
 * hides the time it takes, before START if something has changed since, and after changes.
 *
 * Must not read or change the namespace itself: runtime/net does. */
#include "runtime/monitor/internal.h"

#include <errno.h>

#include "runtime/log/log.h"
#include "runtime/net/user.h"

/* An engine attaches an interface in a dozen steps; half of them would be a configuration that
 * nobody wanted. */
#define NETWORK_SETTLE_MS 30
/* Reading may fail for a moment: the kernel is short of memory, or changes come without a pause. */
#define NETWORK_RETRY_MS  1000
#define NETWORK_RETRY_MAX 10

int network_tell(struct monitor *m, struct err *e)
{
	struct network now;
	int r = 0;

	if (m->start->plan->has_user_network)
		user_network_describe(&m->start->plan->user_network, &now);
	else
		r = net_update(&m->machine.net, &now, e);
	if (r < 0)
		return r;
	if (m->is_network_told && network_is_equal(&m->network, &now)) {
		network_done(&now);
		return 0;
	}
	network_done(&m->network);
	m->network = now;
	m->is_network_told = true;
	guest_send_network(m, &m->network);
	log_debug("network: told the guest of %u interfaces, %u addresses, %u routes",
		  m->network.link_count, m->network.address_count, m->network.route_count);
	return 0;
}

void network_tell_early(struct monitor *m)
{
	struct err e;

	/* If it is still wrong at START, it is START's error. */
	if (network_tell(m, &e) < 0)
		log_debug("the network is not ready yet: %s", e.text);
}

static void network_on_settled(void *arg)
{
	struct monitor *m = arg;
	struct err e;

	if (m->container.state < SESSION_STARTING || m->container.state > SESSION_RUNNING)
		return;
	if (network_tell(m, &e) == 0) {
		m->network_failures = 0;
		return;
	}
	if (m->network_failures++ == 0)
		log_warn("the network's change is not carried over yet: %s", e.text);
	if (m->network_failures < NETWORK_RETRY_MAX)
		loop_timer_set(m->network_timer, NETWORK_RETRY_MS);
}

static void network_on_event(void *arg, uint32_t events)
{
	struct monitor *m = arg;

	(void)events;
	net_take_events(&m->machine.net);
	m->network_failures = 0;
	/* Before START it is read in any case. */
	if (m->is_network_told)
		loop_timer_set(m->network_timer, NETWORK_SETTLE_MS);
}

int network_open(struct monitor *m, struct err *e)
{
	if (!m->machine.net.events)
		return 0;
	m->network_timer = loop_timer_new(m->loop, network_on_settled, m);
	m->network_source =
		loop_add(m->loop, net_event_fd(&m->machine.net), EPOLLIN, network_on_event, m);
	if (!m->network_timer || !m->network_source)
		return err_sys(e, -errno, "watching the network namespace");
	return 0;
}

void network_close(struct monitor *m)
{
	loop_remove(m->network_source);
	m->network_source = NULL;
	network_done(&m->network);
	if (m->machine.net.events)
		net_close(&m->machine.net);
}
