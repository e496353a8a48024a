/* Who listens in a network namespace. */
#ifndef VMRT_NET_SOCKETS_H
#define VMRT_NET_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/net/netlink.h"

/* Is a UDP socket bound to the IPv4 `address` (host order), at any port, in the namespace of `nl`
 * (NETLINK_SOCK_DIAG)? False as well where the kernel cannot tell. */
bool sockets_has_udp(struct netlink *nl, uint32_t address);

#endif
