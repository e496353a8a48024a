/* Slots: which interface of the namespace is which NIC. Must not know netlink's messages. */
#include "runtime/net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/net/redirect.h"
#include "runtime/net/scan.h"
#include "runtime/net/sockets.h"

/* Docker's DNS server on networks of the user's; it listens at a port of its own choice, to which
 * rules in the namespace send what is meant for port 53. */
#define NET_RESOLVER_ADDRESS 0x7f00000bu

static void net_slot_init(struct net_slot *slot)
{
	slot->tap.fd = -1;
	for (size_t i = 0; i < TAP_QUEUE_MAX; i++) {
		slot->vhost_fds[i] = -1;
		if (i + 1 < TAP_QUEUE_MAX)
			slot->tap.more_fds[i] = -1;
	}
}

size_t net_queue_count(const struct net_slot *slot)
{
	size_t count = slot->tap.fd >= 0;

	while (count && count < TAP_QUEUE_MAX && slot->tap.more_fds[count - 1] >= 0)
		count++;
	return count;
}

/* At most `queue_count` descriptors: absent or forbidden is slower, not wrong. How many. */
static unsigned int net_open_vhost(struct net_slot *slot, unsigned int queue_count)
{
	for (unsigned int i = 0; i < queue_count && i < TAP_QUEUE_MAX; i++) {
		slot->vhost_fds[i] = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
		if (slot->vhost_fds[i] < 0)
			return i;
	}
	return queue_count;
}

/* More queues are more threads of the kernel's; without it one thread of QEMU's serves them all,
 * and nothing is gained. NICs beyond the first are rarely used. */
static int net_open_slot(struct net *n, size_t i, const struct net_options *options, struct err *e)
{
	struct net_slot *slot = &n->slots[i];
	unsigned int queue_count =
		options->cpu_count < TAP_QUEUE_MAX ? options->cpu_count : TAP_QUEUE_MAX;

	queue_count = options->want_vhost ? net_open_vhost(slot, i == 0 ? queue_count : 1) : 0;
	return tap_make(&n->requests, n->tap_group, queue_count ? queue_count : 1, &slot->tap, e);
}

int net_open(struct net *n, const struct net_options *options, struct err *e)
{
	const unsigned int groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
				    RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE;
	int r;

	*n = (struct net){.tap_group = options->is_namespace_new ? 0 : tap_group_new()};
	for (size_t i = 0; i < NET_SLOT_MAX; i++)
		net_slot_init(&n->slots[i]);
	if (options->slot_count > NET_SLOT_MAX)
		return err_set(e, -E2BIG, "network: more than %d NICs", NET_SLOT_MAX);
	r = netlink_open(&n->requests, NETLINK_ROUTE, e);
	if (r == 0)
		r = netlink_open(&n->sockets, NETLINK_SOCK_DIAG, e);
	for (size_t i = 0; r == 0 && i < options->slot_count; i++) {
		r = net_open_slot(n, i, options, e);
		n->slot_count = i + 1;
	}
	if (r < 0)
		return r;
	n->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!n->events || mnl_socket_bind(n->events, groups, MNL_SOCKET_AUTOPID) < 0)
		return err_sys(e, -errno, "network: listening for changes");
	return 0;
}

void net_drop_fds(struct net_slot *slot)
{
	fd_close(&slot->tap.fd);
	for (size_t i = 0; i < TAP_QUEUE_MAX; i++) {
		fd_close(&slot->vhost_fds[i]);
		if (i + 1 < TAP_QUEUE_MAX)
			fd_close(&slot->tap.more_fds[i]);
	}
}

int net_event_fd(const struct net *n)
{
	return n->events ? mnl_socket_get_fd(n->events) : -1;
}

void net_take_events(struct net *n)
{
	char buffer[16384];

	/* What changed does not matter, everything is read again; nor that some was lost. */
	while (mnl_socket_recvfrom(n->events, buffer, sizeof(buffer)) >= 0 || errno == ENOBUFS)
		;
}

static const struct scan_link *net_find_link(const struct scan *s, unsigned int ifindex)
{
	for (size_t i = 0; i < s->link_count; i++) {
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	}
	return NULL;
}

static bool net_is_tap(const struct net *n, unsigned int ifindex)
{
	for (size_t i = 0; i < n->slot_count; i++) {
		if (n->slots[i].tap.ifindex == ifindex)
			return true;
	}
	return false;
}

static struct net_slot *net_slot_of(struct net *n, unsigned int ifindex)
{
	for (size_t i = 0; i < n->slot_count; i++) {
		if (n->slots[i].ifindex == ifindex)
			return &n->slots[i];
	}
	return NULL;
}

static bool net_is_servable(const struct net *n, const struct scan_link *l)
{
	if (!l->is_up || net_is_tap(n, l->ifindex) || l->hardware == ARPHRD_LOOPBACK)
		return false;
	return l->hardware == ARPHRD_ETHER;
}

static void net_release_gone(struct net *n, const struct scan *s)
{
	for (size_t i = 0; i < n->slot_count; i++) {
		struct net_slot *slot = &n->slots[i];
		const struct scan_link *l = net_find_link(s, slot->ifindex);

		if (!slot->ifindex || (l && net_is_servable(n, l)))
			continue;
		if (redirect_remove(&n->requests, slot->ifindex) < 0)
			log_warn("network: an interface that went down keeps its redirection");
		log_info("network: NIC %zu is free again", i);
		slot->ifindex = 0;
		slot->is_dns_shared = false;
		slot->inward = (struct inward){0};
		n->is_full_reported = false;
	}
}

static int net_join(struct net *n, const struct scan_link *l, struct err *e)
{
	struct net_slot *slot = net_slot_of(n, l->ifindex);
	int r;

	if (slot)
		return 0;
	slot = net_slot_of(n, 0);
	if (!slot) {
		if (!n->is_full_reported)
			log_warn("network: '%s' is not attached: the VM has %zu NICs and all are "
				 "taken",
				 l->item.name, n->slot_count);
		n->is_full_reported = true;
		return 0;
	}
	r = redirect_add(&n->requests, l->ifindex, slot->tap.ifindex, l->item.name, e);
	if (r < 0)
		return r;
	slot->ifindex = l->ifindex;
	log_debug("network: '%s' is NIC %zu", l->item.name, (size_t)(slot - n->slots));
	return 0;
}

/* Frames are as long as the interface's. */
static int net_fit_taps(struct net *n, const struct scan *s, struct err *e)
{
	for (size_t i = 0; i < n->slot_count; i++) {
		struct net_slot *slot = &n->slots[i];
		const struct scan_link *l = net_find_link(s, slot->ifindex);
		int r;

		if (!slot->ifindex || !l || slot->tap_mtu == l->item.mtu)
			continue;
		r = tap_set_mtu(&n->requests, &slot->tap, l->item.mtu);
		if (r < 0)
			return err_sys(e, r, "network: giving NIC %zu the MTU %u", i, l->item.mtu);
		slot->tap_mtu = l->item.mtu;
	}
	return 0;
}

/* The engine's DNS server asks others from inside the namespace, and wants their answers. */
static int net_share_dns(struct net *n, const struct scan *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->slot_count; i++) {
		struct net_slot *slot = &n->slots[i];
		const struct scan_link *l = net_find_link(s, slot->ifindex);

		if (!slot->ifindex || !l || slot->is_dns_shared)
			continue;
		r = redirect_share_dns(&n->requests, slot->ifindex, slot->tap.ifindex, l->item.name,
				       e);
		slot->is_dns_shared = r == 0;
	}
	return r;
}

/* The first IPv4 address of an interface; 0: none yet. */
static uint32_t net_address_of(const struct scan *s, unsigned int ifindex)
{
	uint32_t address = 0;

	for (size_t i = 0; i < s->address_count; i++) {
		if (s->addresses[i].ifindex != ifindex || s->addresses[i].item.family != AF_INET)
			continue;
		memcpy(&address, s->addresses[i].item.local, sizeof(address));
		break;
	}
	return address;
}

static int net_open_inward(struct net *n, const struct scan *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n->slot_count; i++) {
		struct net_slot *slot = &n->slots[i];
		const struct scan_link *l = net_find_link(s, slot->ifindex);
		const struct scan_link *tap = net_find_link(s, slot->tap.ifindex);
		uint32_t address = net_address_of(s, slot->ifindex);
		struct inward_place place;

		if (!slot->ifindex || !l || !l->is_tun || !tap || address == slot->inward.address)
			continue;
		place = (struct inward_place){
			.ifindex = slot->ifindex,
			.tap_ifindex = slot->tap.ifindex,
			.slot = (unsigned int)i,
			.mac = l->item.mac,
			.tap_mac = tap->item.mac,
			.name = l->item.name,
		};
		if (slot->inward.address)
			r = inward_close(&n->requests, &place, &slot->inward, e);
		if (r == 0 && address)
			r = inward_open(&n->requests, &place, address, &slot->inward, e);
	}
	return r;
}

/* Once: the namespace is read again and again. */
static void net_report(struct net *n, const char *fmt, const char *what)
{
	char text[SKIPPED_TEXT_BYTES + 80];

	snprintf(text, sizeof(text), fmt, what);
	for (size_t i = 0; i < n->reported_count; i++) {
		if (!strcmp(n->reported[i], text))
			return;
	}
	if (n->reported_count == NET_REPORTED_MAX)
		return;
	n->reported = xreallocarray(n->reported, n->reported_count + 1, sizeof(*n->reported));
	n->reported[n->reported_count++] = xstrdup(text);
	log_warn("network: %s", text);
}

static void net_report_skipped(struct net *n, const struct scan *s)
{
	for (size_t i = 0; i < s->link_count; i++) {
		const struct scan_link *l = &s->links[i];

		if (l->is_up && l->hardware != ARPHRD_ETHER && l->hardware != ARPHRD_LOOPBACK)
			net_report(n, "'%s' is no Ethernet interface: the VM does not get it",
				   l->item.name);
		else if (l->is_up && l->is_without_arp && l->hardware == ARPHRD_ETHER)
			net_report(n, "'%s' does without ARP (ipvlan in mode L3?), the VM does not",
				   l->item.name);
	}
	for (size_t i = 0; i < s->skipped_count; i++)
		net_report(n, "%s is not carried over", s->skipped[i]);
}

/* Index of an interface in the description; NETWORK_NO_SLOT when it is not in it. */
static uint8_t net_index(const struct scan *s, const uint8_t *map, unsigned int ifindex)
{
	for (size_t i = 0; i < s->link_count; i++) {
		if (s->links[i].ifindex == ifindex)
			return map[i];
	}
	return NETWORK_NO_SLOT;
}

static void net_describe_links(struct net *n, const struct scan *s, struct network *to,
			       uint8_t *map)
{
	for (size_t i = 0; i < s->link_count; i++) {
		const struct scan_link *l = &s->links[i];
		const struct net_slot *slot = net_slot_of(n, l->ifindex);

		map[i] = NETWORK_NO_SLOT;
		if (!slot && l->hardware != ARPHRD_LOOPBACK)
			continue;
		map[i] = (uint8_t)to->link_count;
		to->links[to->link_count] = l->item;
		if (slot)
			to->links[to->link_count].slot = (uint8_t)(slot - n->slots);
		to->link_count++;
	}
}

static void net_describe_routes(const struct scan *s, const uint8_t *map, bool has_gateway,
				struct network *to)
{
	for (size_t i = 0; i < s->route_count; i++) {
		const struct scan_route *r = &s->routes[i];
		uint8_t link = net_index(s, map, r->ifindex);

		if (r->item.has_gateway != has_gateway ||
		    (link == NETWORK_NO_SLOT && r->ifindex != 0))
			continue;
		to->routes[to->route_count] = r->item;
		to->routes[to->route_count++].link = link;
	}
}

static void net_describe_inward(const struct net *n, const struct scan *s, const uint8_t *map,
				struct network *to)
{
	for (size_t i = 0; i < n->slot_count; i++) {
		const struct net_slot *slot = &n->slots[i];
		uint8_t link =
			slot->inward.address ? net_index(s, map, slot->ifindex) : NETWORK_NO_SLOT;

		if (link == NETWORK_NO_SLOT)
			continue;
		to->routes[to->route_count] = inward_route(&slot->inward);
		to->routes[to->route_count++].link = link;
		to->neighbours[to->neighbour_count] = inward_neighbour(&slot->inward);
		to->neighbours[to->neighbour_count++].link = link;
	}
}

static void net_describe(struct net *n, const struct scan *s, struct network *to)
{
	auto_free uint8_t *map = xcalloc(s->link_count + 1, 1);

	*to = (struct network){
		.links = xcalloc(s->link_count, sizeof(*to->links)),
		.addresses = xcalloc(s->address_count, sizeof(*to->addresses)),
		.routes = xcalloc(s->route_count + n->slot_count, sizeof(*to->routes)),
		.neighbours = xcalloc(s->neighbour_count + n->slot_count, sizeof(*to->neighbours)),
	};
	net_describe_links(n, s, to, map);
	for (size_t i = 0; i < s->address_count; i++) {
		uint8_t link = net_index(s, map, s->addresses[i].ifindex);

		if (link == NETWORK_NO_SLOT)
			continue;
		to->addresses[to->address_count] = s->addresses[i].item;
		to->addresses[to->address_count++].link = link;
	}
	net_describe_routes(s, map, false, to);
	net_describe_inward(n, s, map, to);
	net_describe_routes(s, map, true, to);
	for (size_t i = 0; i < s->neighbour_count; i++) {
		uint8_t link = net_index(s, map, s->neighbours[i].ifindex);

		if (link == NETWORK_NO_SLOT)
			continue;
		to->neighbours[to->neighbour_count] = s->neighbours[i].item;
		to->neighbours[to->neighbour_count++].link = link;
	}
}

static int net_check_size(const struct scan *s, struct err *e)
{
	if (s->link_count < NETWORK_NO_SLOT && s->address_count <= NETWORK_ITEM_MAX &&
	    s->route_count <= NETWORK_ITEM_MAX && s->neighbour_count <= NETWORK_ITEM_MAX)
		return 0;
	return err_set(e, -E2BIG,
		       "network: %zu interfaces, %zu addresses, %zu routes, %zu neighbours in the "
		       "namespace are too many",
		       s->link_count, s->address_count, s->route_count, s->neighbour_count);
}

int net_update(struct net *n, struct network *ret, struct err *e)
{
	bool want_resolver;
	struct scan s;
	int r = scan_run(&n->requests, &s, e);

	if (r == 0)
		r = net_check_size(&s, e);
	if (r == 0) {
		net_release_gone(n, &s);
		for (size_t i = 0; r == 0 && i < s.link_count; i++) {
			if (net_is_servable(n, &s.links[i]))
				r = net_join(n, &s.links[i], e);
		}
	}
	if (r == 0)
		r = net_fit_taps(n, &s, e);
	if (r == 0)
		r = net_open_inward(n, &s, e);
	want_resolver = sockets_has_udp(&n->sockets, NET_RESOLVER_ADDRESS);
	if (r == 0 && want_resolver)
		r = net_share_dns(n, &s, e);
	if (r == 0) {
		net_report_skipped(n, &s);
		net_describe(n, &s, ret);
		ret->resolver = want_resolver ? NET_RESOLVER_ADDRESS : 0;
	}
	scan_done(&s);
	return r;
}

void net_close(struct net *n)
{
	for (size_t i = 0; i < n->slot_count; i++) {
		net_drop_fds(&n->slots[i]);
		if (n->slots[i].ifindex && redirect_remove(&n->requests, n->slots[i].ifindex) < 0)
			log_warn("network: an interface keeps its redirection");
		n->slots[i].ifindex = 0;
	}
	/* QEMU's end, which would do it one by one, goes on meanwhile. */
	if (n->slot_count && n->tap_group && tap_remove_group(&n->requests, n->tap_group) < 0)
		log_debug("network: leaving the taps to QEMU's end");
	for (size_t i = 0; i < n->reported_count; i++)
		free(n->reported[i]);
	free(n->reported);
	n->reported = NULL;
	n->reported_count = 0;
	if (n->events)
		mnl_socket_close(n->events);
	n->events = NULL;
	netlink_close(&n->requests);
	netlink_close(&n->sockets);
}
