/* Dumps of sockets. Must not draw conclusions. */
#include "runtime/net/sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

struct sockets_search {
	uint32_t address; /* network order */
	bool is_found;
};

static int sockets_on_message(const struct nlmsghdr *message, void *arg)
{
	struct sockets_search *search = arg;
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(*socket) &&
	    socket->id.idiag_src[0] == search->address)
		search->is_found = true;
	return MNL_CB_OK;
}

bool sockets_has_udp(struct netlink *nl, uint32_t address)
{
	struct sockets_search search = {.address = htonl(address)};
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, SOCK_DIAG_BY_FAMILY, 0);
	struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(message, sizeof(*request));

	request->sdiag_family = AF_INET;
	request->sdiag_protocol = IPPROTO_UDP;
	request->idiag_states = UINT32_MAX;
	return netlink_dump(nl, message, sockets_on_message, &search) == 0 && search.is_found;
}
