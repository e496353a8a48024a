/* QEMU's user-mode network, for containers that have no namespace of their own: connections of the
 * guest become sockets of QEMU's, in the namespace it runs in. */
#ifndef VMRT_NET_USER_H
#define VMRT_NET_USER_H

#include "lib/network.h"

#define USER_NETDEV	   "n0"	       /* QEMU's name of it */
#define USER_GUEST_ADDRESS 0x0a00020fu /* 10.0.2.15 */

struct user_network {
	bool want_host_ports; /* a port of the host's for each that the guest listens at */
	bool has_ipv6;
	uint32_t resolver; /* the host's DNS server at a loopback address, host order; 0: elsewhere
			    */
};

/* What the namespace of the caller, and its /etc, have. */
void user_network_look(struct user_network *ret);

/* What the guest needs to use it, as NIC 0. Freed with network_done(). */
void user_network_describe(const struct user_network *u, struct network *ret);

#endif
