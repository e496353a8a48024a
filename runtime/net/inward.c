/* Routes, a neighbour and a filter. Must not choose the interfaces. */
#include "runtime/net/inward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/net/redirect.h"

#define INWARD_HOST_FIRST 0xa9fe7672u /* 169.254.118.114, link-local */
#define INWARD_PREFIX	  32

/* The container's address is one of the host's interfaces', too: from the tap it is no martian. */
static int inward_accept_local(struct netlink *nl, unsigned int tap_ifindex)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_NEWLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	struct nlattr *spec;
	struct nlattr *inet;
	struct nlattr *conf;

	info->ifi_index = (int)tap_ifindex;
	spec = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	inet = mnl_attr_nest_start(message, AF_INET);
	conf = mnl_attr_nest_start(message, IFLA_INET_CONF);
	mnl_attr_put_u32(message, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	mnl_attr_nest_end(message, conf);
	mnl_attr_nest_end(message, inet);
	mnl_attr_nest_end(message, spec);
	return netlink_send(nl, message);
}

static int inward_add_host(struct netlink *nl, unsigned int tap_ifindex, uint32_t host)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifa_family = AF_INET;
	info->ifa_prefixlen = INWARD_PREFIX;
	info->ifa_scope = RT_SCOPE_LINK;
	info->ifa_index = tap_ifindex;
	mnl_attr_put_u32(message, IFA_LOCAL, host);
	mnl_attr_put_u32(message, IFA_ADDRESS, host);
	return netlink_send(nl, message);
}

static int inward_send_route(struct netlink *nl, unsigned int type, unsigned int flags,
			     const struct rtmsg *what, unsigned int ifindex, uint32_t address,
			     uint32_t source)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, type, flags);
	struct rtmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	*info = *what;
	info->rtm_family = AF_INET;
	info->rtm_dst_len = INWARD_PREFIX;
	mnl_attr_put_u32(message, RTA_DST, address);
	mnl_attr_put_u32(message, RTA_OIF, ifindex);
	if (source)
		mnl_attr_put_u32(message, RTA_PREFSRC, source);
	return netlink_send(nl, message);
}

static const struct rtmsg inward_there = {.rtm_table = RT_TABLE_MAIN,
					  .rtm_protocol = RTPROT_STATIC,
					  .rtm_scope = RT_SCOPE_LINK,
					  .rtm_type = RTN_UNICAST};

/* The new route first: in between, the address is local still. */
static int inward_move_route(struct netlink *nl, const struct inward_place *p, uint32_t address,
			     uint32_t host)
{
	const struct rtmsg here = {
		.rtm_table = RT_TABLE_LOCAL, .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL};
	int r = inward_send_route(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &inward_there,
				  p->tap_ifindex, address, host);

	if (r == 0)
		r = inward_send_route(nl, RTM_DELROUTE, 0, &here, p->ifindex, address, 0);
	return r == -ESRCH ? 0 : r;
}

/* ARP of the host's stack would be answered on the wire. */
static int inward_add_neighbour(struct netlink *nl, const struct inward_place *p, uint32_t address)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ndm_family = AF_INET;
	info->ndm_ifindex = (int)p->tap_ifindex;
	info->ndm_state = NUD_PERMANENT;
	mnl_attr_put_u32(message, NDA_DST, address);
	mnl_attr_put(message, NDA_LLADDR, NETWORK_MAC_BYTES, p->mac);
	return netlink_send(nl, message);
}

int inward_open(struct netlink *nl, const struct inward_place *p, uint32_t address,
		struct inward *ret, struct err *e)
{
	struct inward w = {.address = address, .host = htonl(INWARD_HOST_FIRST + p->slot)};
	/* The filter, which knows nothing of A, stays when A changes. */
	int r = ret->host ? 0 : redirect_pass_address(nl, p->tap_ifindex, w.host);

	memcpy(w.tap_mac, p->tap_mac, sizeof(w.tap_mac));
	if (r == 0)
		r = inward_accept_local(nl, p->tap_ifindex);
	if (r == 0)
		r = inward_add_host(nl, p->tap_ifindex, w.host);
	if (r == 0)
		r = inward_add_neighbour(nl, p, address);
	if (r == 0)
		r = inward_move_route(nl, p, address, w.host);
	if (r < 0)
		return err_sys(e, r, "network: a way from the namespace to the VM by '%s'",
			       p->name);
	*ret = w;
	return 0;
}

int inward_close(struct netlink *nl, const struct inward_place *p, struct inward *w, struct err *e)
{
	int r = inward_send_route(nl, RTM_DELROUTE, 0, &inward_there, p->tap_ifindex, w->address,
				  0);

	if (r < 0 && r != -ESRCH)
		return err_sys(e, r, "network: taking back the way to the VM by '%s'", p->name);
	w->address = 0;
	return 0;
}

struct network_route inward_route(const struct inward *w)
{
	struct network_route r = {
		.family = AF_INET,
		.prefix = INWARD_PREFIX,
		.scope = RT_SCOPE_LINK,
		.type = RTN_UNICAST,
		.protocol = RTPROT_STATIC,
	};

	memcpy(r.destination, &w->host, sizeof(w->host));
	return r;
}

struct network_neighbour inward_neighbour(const struct inward *w)
{
	struct network_neighbour n = {.family = AF_INET};

	memcpy(n.address, &w->host, sizeof(w->host));
	memcpy(n.mac, w->tap_mac, sizeof(n.mac));
	return n;
}
