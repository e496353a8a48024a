/* Names for what is not carried over. Must not decide what that is. */
#include "runtime/net/skipped.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <stdio.h>
#include <string.h>

#define SKIPPED_ADDRESS_BYTES (INET6_ADDRSTRLEN + sizeof("/128"))

/* "10.0.0.0/8"; `otherwise` when there is no address, or none of the family. */
static void skipped_word_prefix(int family, const struct nlattr *address, unsigned int prefix,
				const char *otherwise, char ret[SKIPPED_ADDRESS_BYTES])
{
	size_t size = family == AF_INET ? 4 : 16;
	char text[INET6_ADDRSTRLEN];

	if (!address || mnl_attr_get_payload_len(address) < size ||
	    !inet_ntop(family, mnl_attr_get_payload(address), text, sizeof(text)))
		snprintf(ret, SKIPPED_ADDRESS_BYTES, "%s", otherwise);
	else
		snprintf(ret, SKIPPED_ADDRESS_BYTES, "%s/%u", text, prefix);
}

void skipped_word_route(const struct skipped_route *r, char ret[SKIPPED_TEXT_BYTES])
{
	const char *otherwise = r->info->rtm_family == AF_INET ? "default" : "default (IPv6)";
	char destination[SKIPPED_ADDRESS_BYTES];

	skipped_word_prefix(r->info->rtm_family, r->destination, r->info->rtm_dst_len, otherwise,
			    destination);
	if (r->why)
		snprintf(ret, SKIPPED_TEXT_BYTES, "the route '%s', which has %s", destination,
			 r->why);
	else
		snprintf(ret, SKIPPED_TEXT_BYTES, "the route '%s' of table %u", destination,
			 r->table);
}

static int skipped_on_attribute(const struct nlattr *attribute, void *arg)
{
	const struct nlattr **at = arg;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type <= FRA_MAX)
		at[type] = attribute;
	return MNL_CB_OK;
}

static unsigned int skipped_u32(const struct nlattr *attribute, unsigned int otherwise)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t)
		       ? mnl_attr_get_u32(attribute)
		       : otherwise;
}

bool skipped_word_rule(const struct nlmsghdr *message, char ret[SKIPPED_TEXT_BYTES])
{
	const struct fib_rule_hdr *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *a[FRA_MAX + 1] = {0};
	char from[SKIPPED_ADDRESS_BYTES];
	char to[SKIPPED_ADDRESS_BYTES];

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return false;
	mnl_attr_parse(message, sizeof(*info), skipped_on_attribute, a);
	if ((info->family != AF_INET && info->family != AF_INET6) ||
	    (a[FRA_PROTOCOL] && mnl_attr_get_payload_len(a[FRA_PROTOCOL]) &&
	     mnl_attr_get_u8(a[FRA_PROTOCOL]) == RTPROT_KERNEL))
		return false;
	skipped_word_prefix(info->family, a[FRA_SRC], info->src_len, "all", from);
	skipped_word_prefix(info->family, a[FRA_DST], info->dst_len, "all", to);
	snprintf(ret, SKIPPED_TEXT_BYTES, "the routing rule '%u: from %s to %s lookup %u'%s",
		 skipped_u32(a[FRA_PRIORITY], 0), from, to, skipped_u32(a[FRA_TABLE], info->table),
		 info->family == AF_INET6 ? " (IPv6)" : "");
	return true;
}
