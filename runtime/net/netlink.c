/* Netlink requests and dumps through libmnl. Must not know what they mean. */
#include "runtime/net/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

int netlink_open(struct netlink *nl, int protocol, struct err *e)
{
	nl->sequence = (unsigned int)time(NULL);
	nl->socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err_sys(e, -errno, "opening a netlink socket");
		netlink_close(nl);
		return -EIO;
	}
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

struct nlmsghdr *netlink_begin(void *room, unsigned int type, unsigned int flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);

	message->nlmsg_type = (uint16_t)type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return message;
}

/* Takes the messages that answer request `sequence`; others are what an earlier request, given up,
 * had still to come. An interrupted dump is taken to its end, so that nothing of it is left for the
 * next request to stumble over: libmnl would stop at once. */
static int netlink_take(struct netlink *nl, ssize_t size, bool *is_interrupted, mnl_cb_t call,
			void *arg)
{
	unsigned int port = mnl_socket_get_portid(nl->socket);
	struct nlmsghdr *message = (struct nlmsghdr *)nl->buffer;
	int left = (int)size;
	int r = MNL_CB_OK;

	for (; r > MNL_CB_STOP && netlink_is_whole(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_seq != nl->sequence)
			continue;
		if (message->nlmsg_flags & NLM_F_DUMP_INTR)
			*is_interrupted = true;
		message->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
		r = mnl_cb_run(message, message->nlmsg_len, nl->sequence, port, call, arg);
	}
	return r;
}

/* Bytes, 0 for what is not to be looked at, or -errno. Whoever has CAP_NET_ADMIN in the container's
 * network namespace can send us messages too: the kernel's have the address 0. */
static ssize_t netlink_receive(struct netlink *nl)
{
	struct sockaddr_nl from = {0};
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(mnl_socket_get_fd(nl->socket), nl->buffer, sizeof(nl->buffer),
			     MSG_TRUNC, (struct sockaddr *)&from, &size);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (size != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0)
		return 0;
	return n > (ssize_t)sizeof(nl->buffer) ? -ENOSPC : n;
}

static int netlink_run(struct netlink *nl, struct nlmsghdr *message, mnl_cb_t call, void *arg)
{
	bool is_interrupted = false;
	int r = MNL_CB_OK;

	message->nlmsg_seq = ++nl->sequence;
	if (mnl_socket_sendto(nl->socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		ssize_t n = netlink_receive(nl);

		if (n < 0)
			return (int)n;
		r = netlink_take(nl, n, &is_interrupted, call, arg);
	}
	if (r < 0)
		return -errno;
	return is_interrupted ? -EINTR : 0;
}

int netlink_send(struct netlink *nl, struct nlmsghdr *message)
{
	message->nlmsg_flags |= NLM_F_ACK;
	return netlink_run(nl, message, NULL, NULL);
}

int netlink_dump(struct netlink *nl, struct nlmsghdr *message, mnl_cb_t call, void *arg)
{
	message->nlmsg_flags |= NLM_F_DUMP;
	return netlink_run(nl, message, call, arg);
}
