/* Netlink dumps -> plain structs. Must not change anything. */
#include "runtime/net/scan.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

#define SCAN_ATTRIBUTE_MAX 64 /* the highest attribute number looked at is far below */
#define SCAN_ATTEMPTS	   10

struct scan_attributes {
	const struct nlattr *at[SCAN_ATTRIBUTE_MAX];
};

static int scan_on_attribute(const struct nlattr *attribute, void *arg)
{
	struct scan_attributes *a = arg;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < SCAN_ATTRIBUTE_MAX)
		a->at[type] = attribute;
	return MNL_CB_OK;
}

/* Copies an attribute's bytes if they fit. */
static bool scan_copy(const struct nlattr *attribute, void *to, size_t room)
{
	size_t size = attribute ? mnl_attr_get_payload_len(attribute) : 0;

	if (!size || size > room)
		return false;
	memcpy(to, mnl_attr_get_payload(attribute), size);
	return true;
}

static uint32_t scan_u32(const struct nlattr *attribute, uint32_t otherwise)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t)
		       ? mnl_attr_get_u32(attribute)
		       : otherwise;
}

/* A new last item of an array. */
#define SCAN_ADD(array, count)                                                                     \
	({                                                                                         \
		(array) = xreallocarray((array), (count) + 1, sizeof(*(array)));                   \
		&(array)[(count)++];                                                               \
	})

/* The per-interface switch of IPv6; true as well where the kernel tells nothing: no IPv6. */
static bool scan_is_ipv6_disabled(const struct nlattr *spec)
{
	struct scan_attributes families = {{0}};
	struct scan_attributes inet6 = {{0}};
	const struct nlattr *conf;

	if (!spec)
		return true;
	mnl_attr_parse_nested(spec, scan_on_attribute, &families);
	if (!families.at[AF_INET6])
		return true;
	mnl_attr_parse_nested(families.at[AF_INET6], scan_on_attribute, &inet6);
	conf = inet6.at[IFLA_INET6_CONF];
	if (!conf || mnl_attr_get_payload_len(conf) < (DEVCONF_DISABLE_IPV6 + 1) * sizeof(int32_t))
		return true;
	return ((const int32_t *)mnl_attr_get_payload(conf))[DEVCONF_DISABLE_IPV6];
}

static bool scan_is_tun(const struct nlattr *linkinfo)
{
	struct scan_attributes a = {{0}};
	char kind[8] = "";

	if (!linkinfo)
		return false;
	mnl_attr_parse_nested(linkinfo, scan_on_attribute, &a);
	return scan_copy(a.at[IFLA_INFO_KIND], kind, sizeof(kind) - 1) && !strcmp(kind, "tun");
}

static void scan_take_link(struct scan *s, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct scan_attributes a = {{0}};
	struct scan_link l = {
		.ifindex = (unsigned int)info->ifi_index,
		.hardware = info->ifi_type,
		.is_up = info->ifi_flags & IFF_UP,
		.is_without_arp = info->ifi_flags & IFF_NOARP,
		.item = {.slot = NETWORK_NO_SLOT},
	};

	mnl_attr_parse(message, sizeof(*info), scan_on_attribute, &a);
	if (!scan_copy(a.at[IFLA_IFNAME], l.item.name, sizeof(l.item.name)))
		return;
	l.item.name[sizeof(l.item.name) - 1] = '\0';
	(void)scan_copy(a.at[IFLA_ADDRESS], l.item.mac, sizeof(l.item.mac));
	l.item.mtu = scan_u32(a.at[IFLA_MTU], 0);
	l.is_tun = scan_is_tun(a.at[IFLA_LINKINFO]);
	l.item.is_ipv6_disabled = scan_is_ipv6_disabled(a.at[IFLA_AF_SPEC]);
	*SCAN_ADD(s->links, s->link_count) = l;
}

/* What every loopback interface has by itself. */
static bool scan_is_loopback_default(const struct network_address *a)
{
	static const uint8_t v6[16] = {[15] = 1};
	static const uint8_t v4[4] = {127, 0, 0, 1};

	return a->scope == RT_SCOPE_HOST &&
	       !memcmp(a->local, a->family == AF_INET ? v4 : v6, a->family == AF_INET ? 4 : 16);
}

static void scan_take_address(struct scan *s, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct scan_attributes a = {{0}};
	struct scan_address x = {.ifindex = info->ifa_index};
	uint32_t flags;

	mnl_attr_parse(message, sizeof(*info), scan_on_attribute, &a);
	flags = scan_u32(a.at[IFA_FLAGS], info->ifa_flags);
	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return;
	if (info->ifa_family == AF_INET6 &&
	    (!(flags & IFA_F_PERMANENT) || (flags & IFA_F_DADFAILED)))
		return;
	x.item.family = info->ifa_family;
	x.item.prefix = info->ifa_prefixlen;
	x.item.scope = info->ifa_scope;
	x.item.flags = flags & IFA_F_NOPREFIXROUTE;
	/* The engine has seen to it that the address is nobody else's. */
	if (info->ifa_family == AF_INET6)
		x.item.flags |= IFA_F_NODAD;
	if (!scan_copy(a.at[IFA_ADDRESS], x.item.peer, sizeof(x.item.peer)))
		return;
	if (!scan_copy(a.at[IFA_LOCAL], x.item.local, sizeof(x.item.local)))
		memcpy(x.item.local, x.item.peer, sizeof(x.item.local));
	(void)scan_copy(a.at[IFA_BROADCAST], x.item.broadcast, sizeof(x.item.broadcast));
	if (!scan_is_loopback_default(&x.item))
		*SCAN_ADD(s->addresses, s->address_count) = x;
}

static uint32_t scan_route_mtu(const struct nlattr *metrics)
{
	struct scan_attributes m = {{0}};

	if (metrics)
		mnl_attr_parse_nested(metrics, scan_on_attribute, &m);
	return scan_u32(m.at[RTAX_MTU], 0);
}

/* Not those that the kernel makes of something else. */
static bool scan_is_wanted_route(const struct rtmsg *info)
{
	if (info->rtm_family != AF_INET && info->rtm_family != AF_INET6)
		return false;
	return !(info->rtm_flags & RTM_F_CLONED) && info->rtm_protocol != RTPROT_KERNEL &&
	       info->rtm_protocol != RTPROT_RA && info->rtm_protocol != RTPROT_REDIRECT;
}

/* Is it one that the VM does not get? Then it is among those that are. */
static bool scan_skip_route(struct scan *s, const struct rtmsg *info,
			    const struct scan_attributes *a)
{
	struct skipped_route r = {
		.info = info,
		.destination = a->at[RTA_DST],
		.table = scan_u32(a->at[RTA_TABLE], info->rtm_table),
	};

	if (a->at[RTA_MULTIPATH])
		r.why = "several next hops";
	else if (a->at[RTA_VIA])
		r.why = "a gateway of another address family";
	else if (a->at[RTA_ENCAP])
		r.why = "an encapsulation";
	if (r.table == RT_TABLE_MAIN && !r.why)
		return false;
	skipped_word_route(&r, *SCAN_ADD(s->skipped, s->skipped_count));
	return true;
}

static void scan_take_route(struct scan *s, const struct nlmsghdr *message)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	struct scan_attributes a = {{0}};
	struct scan_route x = {0};
	struct network_route *r = &x.item;

	mnl_attr_parse(message, sizeof(*info), scan_on_attribute, &a);
	if (!scan_is_wanted_route(info) || scan_skip_route(s, info, &a))
		return;
	x.ifindex = scan_u32(a.at[RTA_OIF], 0);
	r->family = info->rtm_family;
	r->prefix = info->rtm_dst_len;
	r->scope = info->rtm_scope;
	r->type = info->rtm_type;
	r->protocol = info->rtm_protocol;
	r->flags = info->rtm_flags & RTNH_F_ONLINK;
	r->priority = scan_u32(a.at[RTA_PRIORITY], 0);
	r->mtu = scan_route_mtu(a.at[RTA_METRICS]);
	(void)scan_copy(a.at[RTA_DST], r->destination, sizeof(r->destination));
	r->has_gateway = scan_copy(a.at[RTA_GATEWAY], r->gateway, sizeof(r->gateway));
	r->has_source = scan_copy(a.at[RTA_PREFSRC], r->source, sizeof(r->source));
	*SCAN_ADD(s->routes, s->route_count) = x;
}

static void scan_take_neighbour(struct scan *s, const struct nlmsghdr *message)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);
	struct scan_attributes a = {{0}};
	struct scan_neighbour x = {.ifindex = (unsigned int)info->ndm_ifindex};

	if ((info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
	    !(info->ndm_state & NUD_PERMANENT) || (info->ndm_flags & NTF_PROXY))
		return;
	mnl_attr_parse(message, sizeof(*info), scan_on_attribute, &a);
	x.item.family = info->ndm_family;
	if (scan_copy(a.at[NDA_DST], x.item.address, sizeof(x.item.address)) &&
	    scan_copy(a.at[NDA_LLADDR], x.item.mac, sizeof(x.item.mac)))
		*SCAN_ADD(s->neighbours, s->neighbour_count) = x;
}

static void scan_take_rule(struct scan *s, const struct nlmsghdr *message)
{
	char text[SKIPPED_TEXT_BYTES];

	if (skipped_word_rule(message, text))
		memcpy(*SCAN_ADD(s->skipped, s->skipped_count), text, sizeof(text));
}

void scan_take(struct scan *s, const struct nlmsghdr *message)
{
	size_t size = mnl_nlmsg_get_payload_len(message);

	if (message->nlmsg_type == RTM_NEWLINK && size >= sizeof(struct ifinfomsg))
		scan_take_link(s, message);
	else if (message->nlmsg_type == RTM_NEWADDR && size >= sizeof(struct ifaddrmsg))
		scan_take_address(s, message);
	else if (message->nlmsg_type == RTM_NEWROUTE && size >= sizeof(struct rtmsg))
		scan_take_route(s, message);
	else if (message->nlmsg_type == RTM_NEWNEIGH && size >= sizeof(struct ndmsg))
		scan_take_neighbour(s, message);
	else if (message->nlmsg_type == RTM_NEWRULE)
		scan_take_rule(s, message);
}

static int scan_on_message(const struct nlmsghdr *message, void *arg)
{
	scan_take(arg, message);
	return MNL_CB_OK;
}

static int scan_dump(struct netlink *nl, struct scan *s, unsigned int type, size_t header_size)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, type, 0);

	/* Family 0 in every one of the headers: all families. */
	mnl_nlmsg_put_extra_header(message, header_size);
	return netlink_dump(nl, message, scan_on_message, s);
}

static int scan_all(struct netlink *nl, struct scan *s)
{
	int r = scan_dump(nl, s, RTM_GETLINK, sizeof(struct ifinfomsg));

	if (r == 0)
		r = scan_dump(nl, s, RTM_GETADDR, sizeof(struct ifaddrmsg));
	if (r == 0)
		r = scan_dump(nl, s, RTM_GETROUTE, sizeof(struct rtmsg));
	if (r == 0)
		r = scan_dump(nl, s, RTM_GETNEIGH, sizeof(struct ndmsg));
	if (r == 0)
		r = scan_dump(nl, s, RTM_GETRULE, sizeof(struct rtmsg));
	return r;
}

int scan_run(struct netlink *nl, struct scan *ret, struct err *e)
{
	int r = -EINTR;

	*ret = (struct scan){0};
	/* Interrupted: the tables changed while they were read. */
	for (int i = 0; i < SCAN_ATTEMPTS && r == -EINTR; i++) {
		scan_done(ret);
		r = scan_all(nl, ret);
	}
	return r < 0 ? err_sys(e, r, "network: reading the namespace's interfaces") : 0;
}

void scan_done(struct scan *s)
{
	free(s->links);
	free(s->addresses);
	free(s->routes);
	free(s->neighbours);
	free(s->skipped);
	*s = (struct scan){0};
}
