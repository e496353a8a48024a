/* What is in a network namespace, as the kernel's netlink dumps say it.
 *
 * Must not decide what of it a VM gets: see net.c. Dynamic state is left out where the guest makes
 * its own: addresses and routes of router advertisements, cached routes, learned neighbours, and
 * the routes that come with an address. */
#ifndef VMRT_NET_SCAN_H
#define VMRT_NET_SCAN_H

#include "lib/network.h"
#include "runtime/net/netlink.h"
#include "runtime/net/skipped.h"

struct scan_link {
	unsigned int ifindex;
	unsigned int hardware; /* ARPHRD_* */
	bool is_up;
	bool is_without_arp;
	bool is_tun;		  /* a tun or tap: somebody's program is at its other end */
	struct network_link item; /* slot and index are the caller's business */
};

struct scan_address {
	unsigned int ifindex;
	struct network_address item;
};

struct scan_route {
	unsigned int ifindex; /* 0: none */
	struct network_route item;
};

struct scan_neighbour {
	unsigned int ifindex;
	struct network_neighbour item;
};

struct scan {
	size_t link_count;
	size_t address_count;
	size_t route_count;
	size_t neighbour_count;
	size_t skipped_count;
	struct scan_link *links;
	struct scan_address *addresses;
	struct scan_route *routes;
	struct scan_neighbour *neighbours;
	char (*skipped)[SKIPPED_TEXT_BYTES]; /* in words: policy routing, several next hops, ... */
};

/* One message of a dump; others are ignored. Pure. */
void scan_take(struct scan *s, const struct nlmsghdr *message);

/* All dumps, of the namespace of `nl`. The result is freed with scan_done(), also after an error.
 */
int scan_run(struct netlink *nl, struct scan *ret, struct err *e) VMRT_MUST_CHECK;
void scan_done(struct scan *s);

#endif
