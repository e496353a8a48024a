/* From one description of the network to the next: what is gone is removed, what is new is added,
 * what stays is not touched, so that the container's own changes to it stay as well. */
#include "init/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/control.h"
#include "init/listeners.h"
#include "init/loopback.h"
#include "init/machine.h"
#include "init/nics.h"
#include "init/resolver.h"
#include "init/rtnetlink.h"
#include "lib/fd.h"
#include "lib/network.h"

#define NETWORK_LOOPBACK_INDEX 1
#define NETWORK_OPER_UP	       6 /* IF_OPER_UP of <linux/if.h>, which does not go with <net/if.h> */

static struct {
	struct network now;
	bool is_settled;
	bool has_error;
	struct err error;
	unsigned int renamed; /* makes names that nothing else has */
} network;

static size_t network_address_bytes(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static const struct network_link *network_link_of_slot(const struct network *n, uint8_t slot)
{
	for (uint32_t i = 0; i < n->link_count; i++) {
		if (n->links[i].slot == slot)
			return &n->links[i];
	}
	return NULL;
}

/* 0 when there is no such interface. */
static unsigned int network_ifindex(const struct network_link *l)
{
	char name[NETWORK_NAME_BYTES];

	if (l->slot == NETWORK_NO_SLOT)
		return NETWORK_LOOPBACK_INDEX;
	return nics_name(l->slot, name) < 0 ? 0 : if_nametoindex(name);
}

/* --- links --- */

static int network_set_link(unsigned int ifindex, const struct network_link *l, unsigned int up)
{
	struct ifinfomsg info = {.ifi_index = (int)ifindex, .ifi_flags = up, .ifi_change = IFF_UP};
	struct rtnetlink q;

	rtnetlink_begin(&q, RTM_NEWLINK, 0, &info, sizeof(info));
	if (!l) {
		/* Not "unknown": some programs wait for it. */
		rtnetlink_put(&q, IFLA_OPERSTATE, &(uint8_t){NETWORK_OPER_UP}, 1);
	} else {
		rtnetlink_put(&q, IFLA_ADDRESS, l->mac, sizeof(l->mac));
		rtnetlink_put_u32(&q, IFLA_MTU, l->mtu);
		rtnetlink_put(&q, IFLA_IFNAME, l->name, strlen(l->name) + 1);
	}
	return rtnetlink_send(&q);
}

/* A name that the kernel gave to another NIC, or that another one had before, makes room. */
static int network_free_name(const char *name, unsigned int for_ifindex)
{
	unsigned int holder = if_nametoindex(name);
	struct network_link other = {0};
	struct ifinfomsg info = {.ifi_index = (int)holder, .ifi_change = IFF_UP};
	struct rtnetlink q;

	if (!holder || holder == for_ifindex)
		return 0;
	snprintf(other.name, sizeof(other.name), "vmrt%u", network.renamed++);
	rtnetlink_begin(&q, RTM_NEWLINK, 0, &info, sizeof(info));
	rtnetlink_put(&q, IFLA_IFNAME, other.name, strlen(other.name) + 1);
	return rtnetlink_send(&q);
}

/* The host's IPv6 addresses come with the description: the kernel must not make its own, nor wait
 * for a duplicate's answer. */
static int network_set_ipv6(unsigned int ifindex, const struct network_link *l)
{
	struct ifinfomsg info = {.ifi_index = (int)ifindex};
	char path[80];
	auto_close int fd = -1;
	struct rtattr *spec;
	struct rtattr *inet6;
	uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
	struct rtnetlink q;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", l->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	if (fd_write_all(fd, l->is_ipv6_disabled ? "1" : "0", 1) < 0)
		return -EIO;
	if (l->is_ipv6_disabled || l->slot == NETWORK_NO_SLOT)
		return 0;
	rtnetlink_begin(&q, RTM_NEWLINK, 0, &info, sizeof(info));
	spec = rtnetlink_nest(&q, IFLA_AF_SPEC);
	inet6 = rtnetlink_nest(&q, AF_INET6);
	rtnetlink_put(&q, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	rtnetlink_nest_end(&q, inet6);
	rtnetlink_nest_end(&q, spec);
	return rtnetlink_send(&q);
}

static int network_apply_link(const struct network_link *l, const struct network_link *old,
			      struct err *e)
{
	unsigned int ifindex = network_ifindex(l);
	int r;

	if (old && !memcmp(old, l, sizeof(*l)))
		return 0;
	if (!ifindex)
		return err_set(e, -ENODEV, "guest: the VM has no NIC %u for '%s'", l->slot,
			       l->name);
	r = l->slot == NETWORK_NO_SLOT ? 0 : network_free_name(l->name, ifindex);
	/* Down: names and some addresses change only then. */
	if (r == 0 && l->slot != NETWORK_NO_SLOT)
		r = network_set_link(ifindex, l, 0);
	if (r == 0)
		r = network_set_ipv6(ifindex, l);
	if (r == 0)
		r = network_set_link(ifindex, NULL, IFF_UP);
	return r < 0 ? err_sys(e, r, "guest: configuring the interface '%s'", l->name) : 0;
}

/* What failed is reported once, and does not keep the rest from being done. */
static int network_keep_first(int first, int r, const struct err *failure, struct err *e)
{
	if (first < 0 || r == 0)
		return first;
	*e = *failure;
	return r;
}

static int network_apply_links(struct network *to, struct err *e)
{
	uint32_t slots = 0;
	int first;

	for (uint32_t i = 0; i < to->link_count; i++) {
		if (to->links[i].slot < 32)
			slots |= UINT32_C(1) << to->links[i].slot;
	}
	first = nics_show(slots);
	if (first < 0)
		err_sys(e, first, "guest: showing and hiding NICs");
	for (uint32_t i = 0; i < to->link_count; i++) {
		struct network_link *l = &to->links[i];
		struct err failure;
		int r = network_apply_link(l, network_link_of_slot(&network.now, l->slot),
					   &failure);

		first = network_keep_first(first, r, &failure, e);
		/* As no interface is: the next description has another one to apply. */
		if (r < 0)
			l->mtu = 0;
	}
	return first;
}

/* --- addresses, routes, neighbours --- */

/* The kernel drops what was on an interface that was hidden or set down: items count as there only
 * if their link has stayed as it is. */
static bool network_is_link_kept(const struct network *a, const struct network *b, uint8_t link)
{
	const struct network_link *other;

	if (link == NETWORK_NO_SLOT)
		return true;
	other = network_link_of_slot(b, a->links[link].slot);
	return other && !memcmp(other, &a->links[link], sizeof(*other));
}

/* Is the item, whose first byte is the index of a link of `of`, among those of `in`? */
static bool network_has_item(const struct network *of, const void *item, const struct network *in,
			     const void *items, uint32_t count, size_t size)
{
	const uint8_t *x = item;

	if (!network_is_link_kept(of, in, x[0]))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *y = (const uint8_t *)items + i * size;
		bool is_same_link = x[0] == NETWORK_NO_SLOT || y[0] == NETWORK_NO_SLOT
					    ? x[0] == y[0]
					    : of->links[x[0]].slot == in->links[y[0]].slot;

		if (is_same_link && !memcmp(x + 1, y + 1, size - 1))
			return true;
	}
	return false;
}

static int network_send_address(const struct network_link *l, const struct network_address *a,
				uint16_t type)
{
	static const uint8_t none[4];
	size_t size = network_address_bytes(a->family);
	struct ifaddrmsg info = {
		.ifa_family = a->family,
		.ifa_prefixlen = a->prefix,
		.ifa_scope = a->scope,
		.ifa_index = network_ifindex(l),
	};
	struct rtnetlink q;

	rtnetlink_begin(&q, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0, &info,
			sizeof(info));
	rtnetlink_put(&q, IFA_LOCAL, a->local, size);
	rtnetlink_put(&q, IFA_ADDRESS, a->peer, size);
	if (a->family == AF_INET && memcmp(a->broadcast, none, sizeof(none)) != 0)
		rtnetlink_put(&q, IFA_BROADCAST, a->broadcast, sizeof(a->broadcast));
	rtnetlink_put_u32(&q, IFA_FLAGS, a->flags);
	return rtnetlink_send(&q);
}

static void network_put_route(struct rtnetlink *q, const struct network *n,
			      const struct network_route *r)
{
	size_t size = network_address_bytes(r->family);
	struct rtattr *metrics;

	if (r->prefix)
		rtnetlink_put(q, RTA_DST, r->destination, size);
	if (r->has_gateway)
		rtnetlink_put(q, RTA_GATEWAY, r->gateway, size);
	if (r->has_source)
		rtnetlink_put(q, RTA_PREFSRC, r->source, size);
	if (r->priority)
		rtnetlink_put_u32(q, RTA_PRIORITY, r->priority);
	if (r->link != NETWORK_NO_SLOT)
		rtnetlink_put_u32(q, RTA_OIF, network_ifindex(&n->links[r->link]));
	if (r->mtu) {
		metrics = rtnetlink_nest(q, RTA_METRICS);
		rtnetlink_put_u32(q, RTAX_MTU, r->mtu);
		rtnetlink_nest_end(q, metrics);
	}
}

static int network_send_route(const struct network *n, const struct network_route *r, uint16_t type)
{
	struct rtmsg info = {
		.rtm_family = r->family,
		.rtm_dst_len = r->prefix,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = r->protocol,
		.rtm_scope = r->scope,
		.rtm_type = r->type,
		.rtm_flags = r->flags,
	};
	struct rtnetlink q;
	int result;

	rtnetlink_begin(&q, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &info,
			sizeof(info));
	network_put_route(&q, n, r);
	result = rtnetlink_send(&q);
	return result == -EEXIST ? 0 : result;
}

static int network_send_neighbour(const struct network *n, const struct network_neighbour *x,
				  uint16_t type)
{
	struct ndmsg info = {
		.ndm_family = x->family,
		.ndm_ifindex = (int)network_ifindex(&n->links[x->link]),
		.ndm_state = NUD_PERMANENT,
	};
	struct rtnetlink q;

	rtnetlink_begin(&q, type, type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0, &info,
			sizeof(info));
	rtnetlink_put(&q, NDA_DST, x->address, network_address_bytes(x->family));
	rtnetlink_put(&q, NDA_LLADDR, x->mac, sizeof(x->mac));
	return rtnetlink_send(&q);
}

#define NETWORK_HAS(of, item, in, kind)                                                            \
	network_has_item(of, item, in, (in)->kind##s, (in)->kind##_count, sizeof(*(item)))

/* Failures are those of things that have gone by themselves, with an address or an interface.
 * Returns whether an address was removed: with the last one of its family the kernel drops the
 * routes and neighbours of an interface. */
static bool network_remove_old(const struct network *from, const struct network *to)
{
	bool has_removed_address = false;

	for (uint32_t i = 0; i < from->neighbour_count; i++) {
		const struct network_neighbour *x = &from->neighbours[i];

		if (!NETWORK_HAS(from, x, to, neighbour))
			(void)network_send_neighbour(from, x, RTM_DELNEIGH);
	}
	for (uint32_t i = from->route_count; i-- > 0;) {
		const struct network_route *r = &from->routes[i];

		if (!NETWORK_HAS(from, r, to, route))
			(void)network_send_route(from, r, RTM_DELROUTE);
	}
	for (uint32_t i = 0; i < from->address_count; i++) {
		const struct network_address *a = &from->addresses[i];

		if (network_has_item(from, a, to, to->addresses, to->address_count, sizeof(*a)))
			continue;
		has_removed_address = true;
		(void)network_send_address(&from->links[a->link], a, RTM_DELADDR);
	}
	return has_removed_address;
}

/* Item `i` is not there: the next description that has it adds it. */
static void network_forget(void *items, uint32_t *count, uint32_t i, size_t size)
{
	uint8_t *at = (uint8_t *)items + i * size;

	(*count)--;
	memmove(at, at + size, (*count - i) * size);
}

static int network_add_addresses(const struct network *from, struct network *to, struct err *e)
{
	int first = 0;

	for (uint32_t i = 0; i < to->address_count;) {
		const struct network_address *a = &to->addresses[i];
		const struct network_link *l = &to->links[a->link];
		struct err failure;
		int r = network_has_item(to, a, from, from->addresses, from->address_count,
					 sizeof(*a))
				? 0
				: network_send_address(l, a, RTM_NEWADDR);

		if (r < 0) {
			err_sys(&failure, r, "guest: adding address %u of '%s'", i, l->name);
			first = network_keep_first(first, r, &failure, e);
			network_forget(to->addresses, &to->address_count, i, sizeof(*a));
		} else {
			i++;
		}
	}
	return first;
}

/* `want_all`: also those that were there; as the next one. */
static int network_add_neighbours(const struct network *from, struct network *to, bool want_all,
				  struct err *e)
{
	int first = 0;

	for (uint32_t i = 0; i < to->neighbour_count;) {
		const struct network_neighbour *x = &to->neighbours[i];
		struct err failure;
		int r = !want_all && NETWORK_HAS(to, x, from, neighbour)
				? 0
				: network_send_neighbour(to, x, RTM_NEWNEIGH);

		if (r < 0) {
			err_sys(&failure, r, "guest: adding neighbour %u", i);
			first = network_keep_first(first, r, &failure, e);
			network_forget(to->neighbours, &to->neighbour_count, i, sizeof(*x));
		} else {
			i++;
		}
	}
	return first;
}

static int network_add_routes(const struct network *from, struct network *to, bool want_all,
			      struct err *e)
{
	int first = 0;

	for (uint32_t i = 0; i < to->route_count;) {
		const struct network_route *x = &to->routes[i];
		struct err failure;
		int r = !want_all && NETWORK_HAS(to, x, from, route)
				? 0
				: network_send_route(to, x, RTM_NEWROUTE);

		if (r < 0) {
			err_sys(&failure, r, "guest: adding route %u", i);
			first = network_keep_first(first, r, &failure, e);
			network_forget(to->routes, &to->route_count, i, sizeof(*x));
		} else {
			i++;
		}
	}
	return first;
}

/* Afterwards `to` is what is there: without the items that could not be had. */
static int network_apply(struct network *to, struct err *e)
{
	struct err failure;
	bool want_all = network_remove_old(&network.now, to);
	int first;

	first = network_apply_links(to, e);
	first = network_keep_first(first, network_add_addresses(&network.now, to, &failure),
				   &failure, e);
	first = network_keep_first(
		first, network_add_neighbours(&network.now, to, want_all, &failure), &failure, e);
	return network_keep_first(first, network_add_routes(&network.now, to, want_all, &failure),
				  &failure, e);
}

bool network_take(struct wire_in *in)
{
	uint64_t begin_us = machine_now_us();
	struct network to;

	if (network_decode(in, &to) < 0)
		return false;
	network.has_error = network_apply(&to, &network.error) < 0;
	network_done(&network.now);
	network.now = to;
	resolver_set(to.resolver);
	if (network.has_error && network.is_settled)
		control_send_log(PROTO_LOG_WARN, "%s", network.error.text);
	control_send_log(PROTO_LOG_DEBUG, "init: network applied in %llu us",
			 (unsigned long long)(machine_now_us() - begin_us));
	return true;
}

int network_settle(struct err *e)
{
	network.is_settled = true;
	if (network.now.want_listeners) {
		loopback_begin(&network.now);
		listeners_begin();
	}
	if (!network.has_error)
		return 0;
	*e = network.error;
	return -EIO;
}
