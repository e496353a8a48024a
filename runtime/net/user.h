/* QEMU's user-mode network, for containers that have no namespace of their own: connections of the
 * guest become sockets of QEMU's, in the namespace it runs in. */
#ifndef VMRT_NET_USER_H
#define VMRT_NET_USER_H

#include "lib/network.h"

#define USER_NETDEV	   "n0"	       /* QEMU's name of it */
#define USER_GUEST_ADDRESS 0x0a00020fu /* 10.0.2.15 */

/* What the guest needs to use it, as NIC 0. `want_listeners`: it tells who listens in it, and the
 * host's ports lead there. Freed with network_done(). */
void user_network_describe(bool want_listeners, struct network *ret);

#endif
