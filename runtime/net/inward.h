/* A way for processes in the container's namespace to the container itself.
 *
 * On an engine's bridge whoever wants to reach the container comes from outside. Rootless engines
 * have a process in the namespace (podman's rootlessport) that connects to the container's address:
 * with the host's stack that is a local one, at which nobody listens. For interfaces of that kind,
 * those that a user-mode network (slirp4netns) has made as a tap:
 *
 *   rootlessport ── to A ──> vmrt0 (169.254.118.N) ── tap ──> the guest's NIC, A
 *                 <────────── frames for 169.254.118.N pass the redirection
 *
 * A's local route goes, a route by the tap takes its place; the guest is told a route and a
 * neighbour back. IPv4 only. Must not be used where the host's stack needs A itself. */
#ifndef VMRT_NET_INWARD_H
#define VMRT_NET_INWARD_H

#include <stdint.h>

#include "lib/network.h"
#include "runtime/net/netlink.h"

struct inward {
	uint32_t address; /* A; 0: there is no such way. Network byte order, as the next */
	uint32_t host;	  /* the tap's */
	uint8_t tap_mac[NETWORK_MAC_BYTES];
};

struct inward_place {
	unsigned int ifindex; /* that has A */
	unsigned int tap_ifindex;
	unsigned int slot;
	const uint8_t *mac; /* of the guest's NIC */
	const uint8_t *tap_mac;
	const char *name; /* for messages */
};

/* After the redirection was made. `ret` is set on success only; it has zeros, or is as
 * inward_close() has left it. */
int inward_open(struct netlink *nl, const struct inward_place *p, uint32_t address,
		struct inward *ret, struct err *e) VMRT_MUST_CHECK;

/* The interface has lost that address. */
int inward_close(struct netlink *nl, const struct inward_place *p, struct inward *w,
		 struct err *e) VMRT_MUST_CHECK;

/* The guest's part. Both are complete but for the link's index. */
struct network_route inward_route(const struct inward *w);
struct network_neighbour inward_neighbour(const struct inward *w);

#endif
