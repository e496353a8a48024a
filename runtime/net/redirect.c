/* Ingress qdiscs with one filter each that redirects everything. Must not choose what to join. */
#include "runtime/net/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#define REDIRECT_PARENT	  (TC_H_INGRESS & 0xffff0000u)
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
				unsigned int to_ifindex)
{
	const struct tc_mirred parms = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = to_ifindex,
	};
	struct nlattr *list = mnl_attr_nest_start(message, (uint16_t)actions);
	struct nlattr *first = mnl_attr_nest_start(message, 1);
	struct nlattr *options;

	mnl_attr_put_strz(message, TCA_ACT_KIND, "mirred");
	options = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
	mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof(parms), &parms);
	mnl_attr_nest_end(message, options);
	mnl_attr_nest_end(message, first);
	mnl_attr_nest_end(message, list);
}

/* A u32 key without a mask matches every packet. */
static void redirect_put_u32(struct nlmsghdr *message, unsigned int to_ifindex)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = {.sel = {.flags = TC_U32_TERMINAL, .nkeys = 1}};

	mnl_attr_put(message, TCA_U32_SEL, sizeof(match), &match);
	redirect_put_mirred(message, TCA_U32_ACT, to_ifindex);
}

static int redirect_add_filter(struct netlink *nl, enum redirect_classifier classifier,
			       unsigned int from_ifindex, unsigned int to_ifindex)
{
	char room[NETLINK_REQUEST_BYTES];
	struct tcmsg *tc;
	struct nlmsghdr *message =
		redirect_begin(room, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from_ifindex, &tc);
	struct nlattr *options;

	tc->tcm_parent = REDIRECT_PARENT;
	tc->tcm_info = TC_H_MAKE(REDIRECT_PRIORITY << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(message, TCA_KIND, classifier == REDIRECT_U32 ? "u32" : "matchall");
	options = mnl_attr_nest_start(message, TCA_OPTIONS);
	if (classifier == REDIRECT_U32)
		redirect_put_u32(message, to_ifindex);
	else
		redirect_put_mirred(message, TCA_MATCHALL_ACT, to_ifindex);
	mnl_attr_nest_end(message, options);
	return netlink_send(nl, message);
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
	r = redirect_add_filter(nl, REDIRECT_MATCHALL, from_ifindex, to_ifindex);
	/* Not in every kernel, u32 is. */
	if (r == -ENOENT)
		r = redirect_add_filter(nl, REDIRECT_U32, from_ifindex, to_ifindex);
	return r;
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
