/* Address translation in the guest: the one rule that init needs. */
#ifndef VMRT_INIT_NAT_H
#define VMRT_INIT_NAT_H

#include <stdint.h>

/* What the guest's programs send to `address` port `from`, UDP and TCP, goes to the same address
 * and port `to_udp` or `to_tcp`; answers come back accordingly. All in host order. 0 or -errno: a
 * kernel may lack nftables. */
int nat_redirect_local(uint32_t address, uint16_t from, uint16_t to_udp, uint16_t to_tcp);

#endif
