/* Taps: the host's end of the VM's NICs, in the network namespace of the caller. */
#ifndef VMRT_NET_TAP_H
#define VMRT_NET_TAP_H

#include "runtime/net/netlink.h"

struct tap {
	int fd; /* QEMU's */
	unsigned int ifindex;
};

/* Makes a tap with headers for offloads, up and silent: it never speaks for itself. It vanishes
 * with its descriptor's last copy, or, `is_kept`, with the namespace. */
int tap_make(struct netlink *nl, bool is_kept, struct tap *ret, struct err *e) VMRT_MUST_CHECK;

/* 0 or -errno. */
int tap_set_mtu(struct netlink *nl, const struct tap *tap, unsigned int mtu) VMRT_MUST_CHECK;

#endif
