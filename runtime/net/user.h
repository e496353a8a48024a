/* QEMU's user-mode network, for containers that have no namespace of their own: connections of the
 * guest become sockets of QEMU's, in the namespace it runs in. */
#ifndef VMRT_NET_USER_H
#define VMRT_NET_USER_H

#include "lib/network.h"

/* What the guest needs to use it, as NIC 0. Freed with network_done(). */
void user_network_describe(struct network *ret);

#endif
