/*
 * links.c: asks the running kernel, by netlink, for the kinds of network link and the packet filter
 * that containers set up. It must not test how well they work: each is made once, in a network name
 * space that ends with the asking process.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct message {
	struct nlmsghdr *last; /* the header whose length grows */
	size_t size;
	_Alignas(4) char bytes[1024];
};

static void *put(struct message *m, size_t size)
{
	void *at = m->bytes + m->size;

	m->size += NLMSG_ALIGN(size);
	if (m->last)
		m->last->nlmsg_len = (uint32_t)((char *)at + NLMSG_ALIGN(size) - (char *)m->last);
	return at;
}

static void put_header(struct message *m, uint16_t type, uint16_t flags)
{
	m->last = (struct nlmsghdr *)(m->bytes + m->size);
	*(struct nlmsghdr *)put(m, sizeof(struct nlmsghdr)) = (struct nlmsghdr){
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlmsg_len = sizeof(struct nlmsghdr),
	};
}

static void put_text(struct message *m, uint16_t type, const char *text)
{
	struct nlattr *a = put(m, NLA_HDRLEN + strlen(text) + 1);

	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1);
	strcpy((char *)a + NLA_HDRLEN, text);
}

/* Sends it; whether the kernel's first answer is an acknowledgement. */
static bool is_acknowledged(const struct message *m, int protocol)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, protocol);

	return fd >= 0 && send(fd, m->bytes, m->size, 0) == (ssize_t)m->size &&
	       recv(fd, &answer, sizeof(answer), 0) > 0 &&
	       answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

static bool make_link(const char *kind)
{
	struct message m = {0};
	struct nlattr *info;

	put_header(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	memset(put(&m, sizeof(struct ifinfomsg)), 0, sizeof(struct ifinfomsg));
	info = put(&m, NLA_HDRLEN);
	info->nla_type = IFLA_LINKINFO;
	put_text(&m, IFLA_INFO_KIND, kind);
	info->nla_len = (uint16_t)(m.bytes + m.size - (char *)info);
	return is_acknowledged(&m, NETLINK_ROUTE);
}

static void put_nfgen(struct message *m, uint8_t family, uint16_t resource)
{
	*(struct nfgenmsg *)put(m, sizeof(struct nfgenmsg)) =
		(struct nfgenmsg){.nfgen_family = family, .res_id = htons(resource)};
}

/* nf_tables takes changes in batches only. */
static bool make_table(const char *name)
{
	struct message m = {0};

	put_header(&m, NFNL_MSG_BATCH_BEGIN, 0);
	put_nfgen(&m, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	put_header(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
	put_nfgen(&m, NFPROTO_INET, 0);
	put_text(&m, NFTA_TABLE_NAME, name);
	put_header(&m, NFNL_MSG_BATCH_END, 0);
	put_nfgen(&m, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	return is_acknowledged(&m, NETLINK_NETFILTER);
}

static bool succeeds_in_own_network(bool (*act)(const char *), const char *name)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) == 0 && act(name) ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

void test_links(void)
{
	static const char *const kinds[] = {"bridge", "veth", "dummy", "ifb", "wireguard"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		tap_result(succeeds_in_own_network(make_link, kinds[i]),
			   "links of kind %s can be made", kinds[i]);
	/* That the answer can be no. */
	tap_result(!succeeds_in_own_network(make_link, "nonsense"),
		   "links of an unknown kind cannot be made");
	tap_result(succeeds_in_own_network(make_table, "t"), "nf_tables takes a table");
}
