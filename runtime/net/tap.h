/* Taps: the host's end of the VM's NICs, in the network namespace of the caller. */
#ifndef VMRT_NET_TAP_H
#define VMRT_NET_TAP_H

#include "runtime/net/netlink.h"

#define TAP_QUEUE_MAX 4

struct tap {
	int fd;				 /* QEMU's */
	int more_fds[TAP_QUEUE_MAX - 1]; /* of its other queues; -1: it has no more */
	unsigned int ifindex;
};

/* Makes a tap with headers for offloads, up and silent: it never speaks for itself. It vanishes
 * with its descriptors' last copies, which takes the kernel 20 ms, or, in group 0, with the
 * namespace. */
int tap_make(struct netlink *nl, uint32_t group, unsigned int queue_count, struct tap *ret,
	     struct err *e) VMRT_MUST_CHECK;

/* A group number (IFLA_GROUP) that nobody else has, by chance. */
uint32_t tap_group_new(void);

/* All taps of the group at once: as long as one alone takes. 0 or -errno. */
int tap_remove_group(struct netlink *nl, uint32_t group) VMRT_MUST_CHECK;

/* 0 or -errno. */
int tap_set_mtu(struct netlink *nl, const struct tap *tap, unsigned int mtu) VMRT_MUST_CHECK;

#endif
