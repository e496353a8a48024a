/* Requests to the kernel over one netlink socket, which stays in the network namespace it was
 * opened in. libmnl does the messages; this waits for answers and names errors.
 *
 * Blocking: the kernel answers within the call. Must not know what a request means. */
#ifndef VMRT_NET_NETLINK_H
#define VMRT_NET_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define NETLINK_REQUEST_BYTES 1024

struct netlink {
	struct mnl_socket *socket; /* NULL: not open */
	unsigned int sequence;
	char buffer[32768]; /* libmnl's MNL_SOCKET_BUFFER_SIZE is at most 8 KiB: too small for links
			     */
};

/* `protocol`: NETLINK_ROUTE, NETLINK_SOCK_DIAG. */
int netlink_open(struct netlink *nl, int protocol, struct err *e) VMRT_MUST_CHECK;
void netlink_close(struct netlink *nl);

/* Is all of this message within `left` bytes? libmnl alone takes a length above 2^31 for a negative
 * number, which is always small enough. */
static inline bool netlink_is_whole(const struct nlmsghdr *message, int left)
{
	return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left;
}

/* Begins a message in `room`, of NETLINK_REQUEST_BYTES. */
struct nlmsghdr *netlink_begin(void *room, unsigned int type, unsigned int flags);

/* Sends it and waits for the acknowledgement. 0 or the kernel's -errno, which the caller words. */
int netlink_send(struct netlink *nl, struct nlmsghdr *message) VMRT_MUST_CHECK;

/* Sends a dump request and calls `call` for each message of the answer. -EINTR: the kernel's tables
 * changed meanwhile and the result may be inconsistent: it can be asked again. */
int netlink_dump(struct netlink *nl, struct nlmsghdr *message, mnl_cb_t call,
		 void *arg) VMRT_MUST_CHECK;

#endif
