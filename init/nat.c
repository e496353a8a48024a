/* One nftables table: a chain at "output" with a rule for UDP and one for TCP. Must not know why.
 *
 *   ip daddr ADDRESS, l4proto PROTOCOL, dport FROM: dnat to ADDRESS:TO */
#include "init/nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/rtnetlink.h"
#include "lib/fd.h"

#define NAT_TABLE	"vmrt"
#define NAT_CHAIN	"output"
#define NAT_PRIORITY	(-100) /* NF_IP_PRI_NAT_DST */
#define NAT_BATCH_BYTES 4096
#define NAT_REQUESTS	4 /* table, chain, two rules: as many answers */

struct nat_batch {
	size_t size;
	uint32_t sequence;
	uint8_t data[NAT_BATCH_BYTES];
};

static void nat_begin(struct rtnetlink *q, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg header = {.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};

	rtnetlink_begin(q, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &header,
			sizeof(header));
}

static void nat_add(struct nat_batch *b, struct rtnetlink *q)
{
	size_t size = NLMSG_ALIGN(q->header.nlmsg_len);

	q->header.nlmsg_seq = ++b->sequence;
	if (b->size + size > sizeof(b->data))
		return; /* cannot be: the requests have one size each */
	memcpy(b->data + b->size, q->room, size);
	b->size += size;
}

/* The kernel takes all between two of these or nothing. */
static void nat_add_mark(struct nat_batch *b, uint16_t type)
{
	const struct nfgenmsg header = {.version = NFNETLINK_V0,
					.res_id = htons(NFNL_SUBSYS_NFTABLES)};
	struct rtnetlink q;

	rtnetlink_begin(&q, type, 0, &header, sizeof(header));
	q.header.nlmsg_flags = NLM_F_REQUEST;
	nat_add(b, &q);
}

static void nat_put_text(struct rtnetlink *q, uint16_t type, const char *text)
{
	rtnetlink_put(q, type, text, strlen(text) + 1);
}

static void nat_put_be32(struct rtnetlink *q, uint16_t type, uint32_t value)
{
	rtnetlink_put_u32(q, type, htonl(value));
}

static void nat_put_value(struct rtnetlink *q, uint16_t type, const void *value, size_t size)
{
	struct rtattr *data = rtnetlink_nest(q, type | NLA_F_NESTED);

	rtnetlink_put(q, NFTA_DATA_VALUE, value, size);
	rtnetlink_nest_end(q, data);
}

/* An expression: its name, then what is put between these two. */
struct nat_expression {
	struct rtattr *element;
	struct rtattr *data;
};

static struct nat_expression nat_expression(struct rtnetlink *q, const char *name)
{
	struct nat_expression x = {.element = rtnetlink_nest(q, NFTA_LIST_ELEM | NLA_F_NESTED)};

	nat_put_text(q, NFTA_EXPR_NAME, name);
	x.data = rtnetlink_nest(q, NFTA_EXPR_DATA | NLA_F_NESTED);
	return x;
}

static void nat_expression_end(struct rtnetlink *q, struct nat_expression x)
{
	rtnetlink_nest_end(q, x.data);
	rtnetlink_nest_end(q, x.element);
}

static void nat_compare(struct rtnetlink *q, const void *value, size_t size)
{
	struct nat_expression x = nat_expression(q, "cmp");

	nat_put_be32(q, NFTA_CMP_SREG, NFT_REG_1);
	nat_put_be32(q, NFTA_CMP_OP, NFT_CMP_EQ);
	nat_put_value(q, NFTA_CMP_DATA, value, size);
	nat_expression_end(q, x);
}

/* Bytes of a header must be these. */
static void nat_match(struct rtnetlink *q, uint32_t base, uint32_t offset, const void *value,
		      size_t size)
{
	struct nat_expression x = nat_expression(q, "payload");

	nat_put_be32(q, NFTA_PAYLOAD_DREG, NFT_REG_1);
	nat_put_be32(q, NFTA_PAYLOAD_BASE, base);
	nat_put_be32(q, NFTA_PAYLOAD_OFFSET, offset);
	nat_put_be32(q, NFTA_PAYLOAD_LEN, (uint32_t)size);
	nat_expression_end(q, x);
	nat_compare(q, value, size);
}

static void nat_match_protocol(struct rtnetlink *q, uint8_t protocol)
{
	struct nat_expression x = nat_expression(q, "meta");

	nat_put_be32(q, NFTA_META_KEY, NFT_META_L4PROTO);
	nat_put_be32(q, NFTA_META_DREG, NFT_REG_1);
	nat_expression_end(q, x);
	nat_compare(q, &protocol, sizeof(protocol));
}

static void nat_load(struct rtnetlink *q, uint32_t into, const void *value, size_t size)
{
	struct nat_expression x = nat_expression(q, "immediate");

	nat_put_be32(q, NFTA_IMMEDIATE_DREG, into);
	nat_put_value(q, NFTA_IMMEDIATE_DATA, value, size);
	nat_expression_end(q, x);
}

static void nat_translate(struct rtnetlink *q)
{
	struct nat_expression x = nat_expression(q, "nat");

	nat_put_be32(q, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nat_put_be32(q, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	nat_put_be32(q, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	nat_put_be32(q, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
	nat_expression_end(q, x);
}

static void nat_add_rule(struct nat_batch *b, uint8_t protocol, uint32_t address, uint16_t from,
			 uint16_t to)
{
	const uint32_t address_be = htonl(address);
	const uint16_t from_be = htons(from);
	const uint16_t to_be = htons(to);
	struct rtnetlink q;
	struct rtattr *list;

	nat_begin(&q, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nat_put_text(&q, NFTA_RULE_TABLE, NAT_TABLE);
	nat_put_text(&q, NFTA_RULE_CHAIN, NAT_CHAIN);
	list = rtnetlink_nest(&q, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
	nat_match(&q, NFT_PAYLOAD_NETWORK_HEADER, 16, &address_be, sizeof(address_be));
	nat_match_protocol(&q, protocol);
	nat_match(&q, NFT_PAYLOAD_TRANSPORT_HEADER, 2, &from_be, sizeof(from_be));
	nat_load(&q, NFT_REG_1, &address_be, sizeof(address_be));
	nat_load(&q, NFT_REG_2, &to_be, sizeof(to_be));
	nat_translate(&q);
	rtnetlink_nest_end(&q, list);
	nat_add(b, &q);
}

static void nat_add_chain(struct nat_batch *b)
{
	struct rtattr *hook;
	struct rtnetlink q;

	nat_begin(&q, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nat_put_text(&q, NFTA_TABLE_NAME, NAT_TABLE);
	nat_add(b, &q);
	nat_begin(&q, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nat_put_text(&q, NFTA_CHAIN_TABLE, NAT_TABLE);
	nat_put_text(&q, NFTA_CHAIN_NAME, NAT_CHAIN);
	hook = rtnetlink_nest(&q, NFTA_CHAIN_HOOK | NLA_F_NESTED);
	nat_put_be32(&q, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	nat_put_be32(&q, NFTA_HOOK_PRIORITY, (uint32_t)NAT_PRIORITY);
	rtnetlink_nest_end(&q, hook);
	nat_put_text(&q, NFTA_CHAIN_TYPE, "nat");
	nat_add(b, &q);
}

/* One answer per request, or one error for the whole batch. */
static int nat_send(const struct nat_batch *b)
{
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	union {
		struct nlmsghdr header;
		uint8_t room[NAT_BATCH_BYTES + 256];
	} answer;

	if (fd < 0 || send(fd, b->data, b->size, 0) < 0)
		return -errno;
	for (int i = 0; i < NAT_REQUESTS; i++) {
		ssize_t n = recv(fd, &answer, sizeof(answer), 0);
		const struct nlmsgerr *error = NLMSG_DATA(&answer.header);

		if (n < 0)
			return -errno;
		if (n < (ssize_t)NLMSG_LENGTH(sizeof(*error)) ||
		    answer.header.nlmsg_type != NLMSG_ERROR)
			return -EPROTO;
		if (error->error)
			return error->error;
	}
	return 0;
}

int nat_redirect_local(uint32_t address, uint16_t from, uint16_t to_udp, uint16_t to_tcp)
{
	struct nat_batch b = {0};

	nat_add_mark(&b, NFNL_MSG_BATCH_BEGIN);
	nat_add_chain(&b);
	nat_add_rule(&b, IPPROTO_UDP, address, from, to_udp);
	nat_add_rule(&b, IPPROTO_TCP, address, from, to_tcp);
	nat_add_mark(&b, NFNL_MSG_BATCH_END);
	return nat_send(&b);
}
