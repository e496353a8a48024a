/* Routes and routing rules that a VM does not get, in words: `ip route` and `ip rule` in short. */
#ifndef VMRT_NET_SKIPPED_H
#define VMRT_NET_SKIPPED_H

#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "runtime/net/netlink.h"

#define SKIPPED_TEXT_BYTES 160

/* The attributes are those of the message, NULL where it has none. Pure. */
struct skipped_route {
	const struct rtmsg *info;
	const struct nlattr *destination;
	unsigned int table;
	const char *why; /* NULL: its table */
};
void skipped_word_route(const struct skipped_route *r, char ret[SKIPPED_TEXT_BYTES]);

/* Of RTM_NEWRULE. False for those that every namespace has. */
bool skipped_word_rule(const struct nlmsghdr *message, char ret[SKIPPED_TEXT_BYTES]);

#endif
