/* Joining an interface of the namespace with a tap: what comes in at one goes out at the other, by
 * traffic control, without the host's network stack seeing it.
 *
 *   wire ──> eth0 ingress ══redirect══> vmrt0 ──> QEMU ──> the guest's NIC
 *   wire <── eth0 <══redirect══ vmrt0 ingress <── QEMU <── the guest's NIC */
#ifndef VMRT_NET_REDIRECT_H
#define VMRT_NET_REDIRECT_H

#include "runtime/net/netlink.h"

/* Both ways. What an earlier VM has left on the interface is replaced; `name` is for messages. */
int redirect_add(struct netlink *nl, unsigned int ifindex, unsigned int tap_ifindex,
		 const char *name, struct err *e) VMRT_MUST_CHECK;

/* Lets the answers of DNS servers outside reach the host's network stack as well: docker asks them
 * from inside the container's namespace, at ports from REDIRECT_HOST_PORT on (see the namespace's
 * ip_local_port_range). ARP goes to both sides. */
#define REDIRECT_HOST_PORT	64512 /* a power of two below the last */
#define REDIRECT_HOST_PORT_LAST 65535
int redirect_share_dns(struct netlink *nl, unsigned int ifindex, unsigned int tap_ifindex,
		       const char *name, struct err *e) VMRT_MUST_CHECK;

/* Frames of the VM's for one IPv4 address (network byte order) are the host's stack's. */
int redirect_pass_address(struct netlink *nl, unsigned int tap_ifindex,
			  uint32_t address) VMRT_MUST_CHECK;

/* The interface's side, and with the qdisc also what others put on its ingress: there is nothing
 * to see for them while a VM has it. An interface that is gone is no error. */
int redirect_remove(struct netlink *nl, unsigned int ifindex) VMRT_MUST_CHECK;
/* The same, if there is one of ours. */
int redirect_remove_ours(struct netlink *nl, unsigned int ifindex) VMRT_MUST_CHECK;

#endif
