/* The guest's network as one description: the payload of PROTO_HOST_NETWORK. It is always the whole
 * of it; the guest finds out what changed.
 *
 * Everything has its final form: addresses in network order (IPv4 in the first 4 bytes, the rest
 * zero), numbers of the Linux ABI. No padding is left undefined, so that two items are equal when
 * their bytes are: build them from `= {0}`. */
#ifndef VMRT_LIB_NETWORK_H
#define VMRT_LIB_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

#define NETWORK_NAME_BYTES 16	/* IFNAMSIZ */
#define NETWORK_ITEM_MAX   4096 /* of each kind: more is nothing a container has */
#define NETWORK_MAC_BYTES  6
#define NETWORK_NO_SLOT	   0xff /* the loopback interface */

/* The NICs of the VM are told apart by the MAC they are made with: this and the slot's number. */
#define NETWORK_SLOT_MAC "\x02\x76\x6d\x72\x74"

struct network_link {
	uint8_t slot; /* of the NIC; NETWORK_NO_SLOT: loopback */
	uint8_t is_ipv6_disabled;
	uint8_t mac[NETWORK_MAC_BYTES];
	uint32_t mtu;
	char name[NETWORK_NAME_BYTES];
};

struct network_address {
	uint8_t link; /* index into links */
	uint8_t family;
	uint8_t prefix;
	uint8_t scope;
	uint32_t flags; /* IFA_F_* */
	uint8_t local[16];
	uint8_t peer[16];     /* as `local` where there is none */
	uint8_t broadcast[4]; /* zero: none */
};

struct network_route {
	uint8_t link; /* index into links; NETWORK_NO_SLOT: of no interface (unreachable, ...) */
	uint8_t family;
	uint8_t prefix;
	uint8_t scope;
	uint8_t type; /* RTN_* */
	uint8_t protocol;
	uint8_t has_gateway;
	uint8_t has_source;
	uint32_t flags; /* RTNH_F_ONLINK */
	uint32_t priority;
	uint32_t mtu; /* 0: the link's */
	uint8_t destination[16];
	uint8_t gateway[16];
	uint8_t source[16];
};

struct network_neighbour {
	uint8_t link;
	uint8_t family;
	uint8_t mac[NETWORK_MAC_BYTES];
	uint8_t address[16];
};

struct network {
	uint32_t resolver;   /* loopback address that answers DNS queries on the host; 0: none */
	bool want_listeners; /* the host opens a port for each of the guest's */
	uint32_t link_count;
	uint32_t address_count;
	uint32_t route_count;
	uint32_t neighbour_count;
	struct network_link *links;
	struct network_address *addresses;
	struct network_route *routes; /* those without a gateway first */
	struct network_neighbour *neighbours;
};

void network_encode(struct wire_out *o, const struct network *n);

/* Reads a description that fills `in` exactly. 0 or -EPROTO. The result owns its arrays and borrows
 * nothing; on failure there is nothing to free. */
int network_decode(struct wire_in *in, struct network *ret);
void network_done(struct network *n);

/* Are two descriptions the same, item by item in their order? */
bool network_is_equal(const struct network *a, const struct network *b);

#endif
