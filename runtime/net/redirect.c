/* Ingress qdiscs with a filter that redirects everything. Must not choose what to join. */
#include "runtime/net/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define REDIRECT_PARENT	  (TC_H_INGRESS & 0xffff0000u)
#define REDIRECT_KEY_MAX  4
#define REDIRECT_PRIORITY 0x7672u /* anything: ours on an interface that was somebody else's */

enum redirect_classifier { REDIRECT_MATCHALL, REDIRECT_U32 };

static struct nlmsghdr *redirect_begin(void *room, unsigned int type, unsigned int flags,
				       unsigned int ifindex, struct tcmsg **ret)
{
	struct nlmsghdr *message = netlink_begin(room, type, flags);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(message, sizeof(*tc));

	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)ifindex;
	*ret = tc;
	return message;
}

static int redirect_add_qdisc(struct netlink *nl, unsigned int ifindex)
{
	char room[NETLINK_REQUEST_BYTES];
	struct tcmsg *tc;
	struct nlmsghdr *message =
		redirect_begin(room, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, &tc);

	tc->tcm_parent = TC_H_INGRESS;
	tc->tcm_handle = REDIRECT_PARENT;
	mnl_attr_put_strz(message, TCA_KIND, "ingress");
	return netlink_send(nl, message);
}

int redirect_remove(struct netlink *nl, unsigned int ifindex)
{
	char room[NETLINK_REQUEST_BYTES];
	struct tcmsg *tc;
	struct nlmsghdr *message = redirect_begin(room, RTM_DELQDISC, 0, ifindex, &tc);
	int r;

	tc->tcm_parent = TC_H_INGRESS;
	tc->tcm_handle = REDIRECT_PARENT;
	mnl_attr_put_strz(message, TCA_KIND, "ingress");
	r = netlink_send(nl, message);
	return r == -ENODEV || r == -ENOENT || r == -EINVAL ? 0 : r;
}

/* Filters of our priority, whatever else is there. */
int redirect_remove_ours(struct netlink *nl, unsigned int ifindex)
{
	char room[NETLINK_REQUEST_BYTES];
	struct tcmsg *tc;
	struct nlmsghdr *message = redirect_begin(room, RTM_DELTFILTER, 0, ifindex, &tc);
	int r;

	tc->tcm_parent = REDIRECT_PARENT;
	tc->tcm_info = TC_H_MAKE(REDIRECT_PRIORITY << 16, 0);
	r = netlink_send(nl, message);
	if (r == -ENODEV || r == -ENOENT || r == -EINVAL)
		return 0;
	return r < 0 ? r : redirect_remove(nl, ifindex);
}

static void redirect_put_mirred(struct nlmsghdr *message, unsigned int actions,
				const struct tc_mirred *parms)
{
	struct nlattr *list = mnl_attr_nest_start(message, (uint16_t)actions);
	struct nlattr *first = mnl_attr_nest_start(message, 1);
	struct nlattr *options;

	mnl_attr_put_strz(message, TCA_ACT_KIND, "mirred");
	options = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
	mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof(*parms), parms);
	mnl_attr_nest_end(message, options);
	mnl_attr_nest_end(message, first);
	mnl_attr_nest_end(message, list);
}

/* One filter at the ingress of an interface. */
struct redirect_filter {
	enum redirect_classifier classifier;
	unsigned int priority;
	unsigned int protocol; /* ETH_P_* */
	unsigned int key_count;
	struct tc_u32_key keys[REDIRECT_KEY_MAX];
	const struct tc_mirred *mirred; /* NULL: the host's stack gets what matches */
};

static void redirect_put_u32(struct nlmsghdr *message, const struct redirect_filter *f)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key keys[REDIRECT_KEY_MAX];
	} match = {.sel = {.flags = TC_U32_TERMINAL, .nkeys = (unsigned char)f->key_count}};

	memcpy(match.keys, f->keys, sizeof(match.keys));
	mnl_attr_put(message, TCA_U32_SEL, sizeof(match.sel) + f->key_count * sizeof(*match.keys),
		     &match);
	if (f->mirred)
		redirect_put_mirred(message, TCA_U32_ACT, f->mirred);
}

static int redirect_add_filter(struct netlink *nl, unsigned int ifindex,
			       const struct redirect_filter *f)
{
	bool is_u32 = f->classifier == REDIRECT_U32;
	char room[NETLINK_REQUEST_BYTES];
	struct tcmsg *tc;
	struct nlmsghdr *message =
		redirect_begin(room, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, ifindex, &tc);
	struct nlattr *options;

	tc->tcm_parent = REDIRECT_PARENT;
	tc->tcm_info = TC_H_MAKE(f->priority << 16, htons((uint16_t)f->protocol));
	mnl_attr_put_strz(message, TCA_KIND, is_u32 ? "u32" : "matchall");
	options = mnl_attr_nest_start(message, TCA_OPTIONS);
	if (is_u32)
		redirect_put_u32(message, f);
	else
		redirect_put_mirred(message, TCA_MATCHALL_ACT, f->mirred);
	mnl_attr_nest_end(message, options);
	return netlink_send(nl, message);
}

/* Everything that no earlier filter has taken. */
static int redirect_add_all(struct netlink *nl, unsigned int from_ifindex, unsigned int to_ifindex)
{
	const struct tc_mirred parms = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = to_ifindex,
	};
	struct redirect_filter f = {
		.classifier = REDIRECT_MATCHALL,
		.priority = REDIRECT_PRIORITY,
		.protocol = ETH_P_ALL,
		.key_count = 1, /* without a mask: every packet */
		.mirred = &parms,
	};
	int r = redirect_add_filter(nl, from_ifindex, &f);

	/* Not in every kernel; u32 is. */
	if (r == -ENOENT) {
		f.classifier = REDIRECT_U32;
		r = redirect_add_filter(nl, from_ifindex, &f);
	}
	return r;
}

/* Answers from port 53 to the ports that are the host's. Of IPv4, without options, not fragments.
 */
static int redirect_pass_dns(struct netlink *nl, unsigned int ifindex, uint8_t protocol)
{
	const struct redirect_filter f = {
		.classifier = REDIRECT_U32,
		.priority = REDIRECT_PRIORITY - 1,
		.protocol = ETH_P_IP,
		.key_count = 4,
		.keys =
			{
				{.off = 0, .mask = htonl(0x0f000000), .val = htonl(0x05000000)},
				{.off = 4, .mask = htonl(0x00001fff)},
				{.off = 8,
				 .mask = htonl(0x00ff0000),
				 .val = htonl((uint32_t)protocol << 16)},
				{.off = 20,
				 .mask = htonl(0xffff0000 | REDIRECT_HOST_PORT),
				 .val = htonl(53 << 16 | REDIRECT_HOST_PORT)},
			},
	};

	return redirect_add_filter(nl, ifindex, &f);
}

int redirect_share_dns(struct netlink *nl, unsigned int ifindex, unsigned int tap_ifindex,
		       const char *name, struct err *e)
{
	const struct tc_mirred parms = {
		.action = TC_ACT_OK,
		.eaction = TCA_EGRESS_MIRROR,
		.ifindex = tap_ifindex,
	};
	const struct redirect_filter arp = {
		.classifier = REDIRECT_U32,
		.priority = REDIRECT_PRIORITY - 2,
		.protocol = ETH_P_ARP,
		.key_count = 1,
		.mirred = &parms,
	};
	int r = redirect_pass_dns(nl, ifindex, IPPROTO_UDP);

	if (r == 0)
		r = redirect_pass_dns(nl, ifindex, IPPROTO_TCP);
	if (r == 0)
		r = redirect_add_filter(nl, ifindex, &arp);
	if (r < 0)
		return err_sys(e, r, "network: sharing the answers of DNS servers at '%s'", name);
	return 0;
}

int redirect_pass_address(struct netlink *nl, unsigned int tap_ifindex, uint32_t address)
{
	const struct redirect_filter f = {
		.classifier = REDIRECT_U32,
		.priority = REDIRECT_PRIORITY - 1,
		.protocol = ETH_P_IP,
		.key_count = 1,
		.keys = {{.off = 16, .mask = UINT32_MAX, .val = address}},
	};

	return redirect_add_filter(nl, tap_ifindex, &f);
}

static int redirect_one_way(struct netlink *nl, unsigned int from_ifindex, unsigned int to_ifindex)
{
	int r = redirect_add_qdisc(nl, from_ifindex);

	if (r == -EEXIST) {
		r = redirect_remove(nl, from_ifindex);
		if (r == 0)
			r = redirect_add_qdisc(nl, from_ifindex);
	}
	if (r < 0)
		return r;
	return redirect_add_all(nl, from_ifindex, to_ifindex);
}

int redirect_add(struct netlink *nl, unsigned int ifindex, unsigned int tap_ifindex,
		 const char *name, struct err *e)
{
	int r = redirect_one_way(nl, tap_ifindex, ifindex);

	if (r == 0)
		r = redirect_one_way(nl, ifindex, tap_ifindex);
	if (r < 0)
		return err_sys(e, r, "network: joining '%s' with the VM by traffic control", name);
	return 0;
}
