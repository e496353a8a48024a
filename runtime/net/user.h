/* The user-mode network, for containers that have no namespace of their own: connections of the
 * guest become sockets of passt's or QEMU's, in the namespace it runs in. Both look the same. */
#ifndef VMRT_NET_USER_H
#define VMRT_NET_USER_H

#include "lib/err.h"
#include "lib/network.h"
#include "runtime/proc/strv.h"

#define USER_NETDEV	      "n0"	  /* QEMU's name of it */
#define USER_GUEST_ADDRESS    0x0a00020fu /* 10.0.2.15 */
#define USER_SYSTEMD_RESOLVER 0x7f000035u /* 127.0.0.53 */

struct user_network {
	bool want_host_ports; /* a port of the host's for each that the guest listens at */
	bool has_ipv6;
	bool has_default_route;	     /* IPv4; passt ends at once without one */
	bool has_ipv6_default_route; /* passt has IPv6 then */
	const char *passt;	     /* path, borrowed; NULL: QEMU's own */
	uint32_t resolver; /* the host's DNS server at a loopback address, host order; 0: elsewhere
			    */
};

/* What the namespace of the caller, and its file system, have. `passt` is the settings'. */
int user_network_look(const char *passt, struct user_network *ret, struct err *e) VMRT_MUST_CHECK;

/* passt's arguments; `fd` is its end of the socket whose other end is QEMU's. Pure. */
void user_network_passt_argv(const struct user_network *u, int fd, struct strv *ret);

/* Bytes of the guest's TCP connections that QEMU holds and the host's kernel has not taken yet,
 * from what its "info usernet" prints. Pure. */
uint64_t user_network_count_held(const char *text);

/* What the guest needs to use it, as NIC 0. Freed with network_done(). */
void user_network_describe(const struct user_network *u, struct network *ret);

#endif
