/* The network description as bytes, both directions side by side. Must not interpret the values
 * beyond what keeps the indexes inside the arrays. */
#include "lib/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

/* Bytes of one item on the wire. */
enum {
	NETWORK_LINK_BYTES = 2 + NETWORK_MAC_BYTES + 4 + NETWORK_NAME_BYTES,
	NETWORK_ADDRESS_BYTES = 4 + 4 + 16 + 16 + 4,
	NETWORK_ROUTE_BYTES = 8 + 3 * 4 + 3 * 16,
	NETWORK_NEIGHBOUR_BYTES = 2 + NETWORK_MAC_BYTES + 16,
};

static void network_put_link(struct wire_out *o, const struct network_link *l)
{
	wire_put_u8(o, l->slot);
	wire_put_u8(o, l->is_ipv6_disabled);
	wire_put_bytes(o, l->mac, sizeof(l->mac));
	wire_put_u32(o, l->mtu);
	wire_put_bytes(o, l->name, sizeof(l->name));
}

static void network_put_address(struct wire_out *o, const struct network_address *a)
{
	wire_put_u8(o, a->link);
	wire_put_u8(o, a->family);
	wire_put_u8(o, a->prefix);
	wire_put_u8(o, a->scope);
	wire_put_u32(o, a->flags);
	wire_put_bytes(o, a->local, sizeof(a->local));
	wire_put_bytes(o, a->peer, sizeof(a->peer));
	wire_put_bytes(o, a->broadcast, sizeof(a->broadcast));
}

static void network_put_route(struct wire_out *o, const struct network_route *r)
{
	wire_put_u8(o, r->link);
	wire_put_u8(o, r->family);
	wire_put_u8(o, r->prefix);
	wire_put_u8(o, r->scope);
	wire_put_u8(o, r->type);
	wire_put_u8(o, r->protocol);
	wire_put_u8(o, r->has_gateway);
	wire_put_u8(o, r->has_source);
	wire_put_u32(o, r->flags);
	wire_put_u32(o, r->priority);
	wire_put_u32(o, r->mtu);
	wire_put_bytes(o, r->destination, sizeof(r->destination));
	wire_put_bytes(o, r->gateway, sizeof(r->gateway));
	wire_put_bytes(o, r->source, sizeof(r->source));
}

static void network_put_neighbour(struct wire_out *o, const struct network_neighbour *n)
{
	wire_put_u8(o, n->link);
	wire_put_u8(o, n->family);
	wire_put_bytes(o, n->mac, sizeof(n->mac));
	wire_put_bytes(o, n->address, sizeof(n->address));
}

void network_encode(struct wire_out *o, const struct network *n)
{
	wire_put_u32(o, n->resolver);
	wire_put_u8(o, n->want_listeners);
	wire_put_u32(o, n->link_count);
	for (uint32_t i = 0; i < n->link_count; i++)
		network_put_link(o, &n->links[i]);
	wire_put_u32(o, n->address_count);
	for (uint32_t i = 0; i < n->address_count; i++)
		network_put_address(o, &n->addresses[i]);
	wire_put_u32(o, n->route_count);
	for (uint32_t i = 0; i < n->route_count; i++)
		network_put_route(o, &n->routes[i]);
	wire_put_u32(o, n->neighbour_count);
	for (uint32_t i = 0; i < n->neighbour_count; i++)
		network_put_neighbour(o, &n->neighbours[i]);
}

static void network_get_bytes(struct wire_in *in, void *to, size_t size)
{
	const void *from = wire_get_bytes(in, size);

	if (from)
		memcpy(to, from, size);
}

static void network_get_link(struct wire_in *in, struct network_link *l)
{
	l->slot = wire_get_u8(in);
	l->is_ipv6_disabled = wire_get_u8(in);
	network_get_bytes(in, l->mac, sizeof(l->mac));
	l->mtu = wire_get_u32(in);
	network_get_bytes(in, l->name, sizeof(l->name));
	if (!l->name[0] || l->name[NETWORK_NAME_BYTES - 1])
		in->is_bad = true;
}

static void network_get_address(struct wire_in *in, struct network_address *a)
{
	a->link = wire_get_u8(in);
	a->family = wire_get_u8(in);
	a->prefix = wire_get_u8(in);
	a->scope = wire_get_u8(in);
	a->flags = wire_get_u32(in);
	network_get_bytes(in, a->local, sizeof(a->local));
	network_get_bytes(in, a->peer, sizeof(a->peer));
	network_get_bytes(in, a->broadcast, sizeof(a->broadcast));
}

static void network_get_route(struct wire_in *in, struct network_route *r)
{
	r->link = wire_get_u8(in);
	r->family = wire_get_u8(in);
	r->prefix = wire_get_u8(in);
	r->scope = wire_get_u8(in);
	r->type = wire_get_u8(in);
	r->protocol = wire_get_u8(in);
	r->has_gateway = wire_get_u8(in);
	r->has_source = wire_get_u8(in);
	r->flags = wire_get_u32(in);
	r->priority = wire_get_u32(in);
	r->mtu = wire_get_u32(in);
	network_get_bytes(in, r->destination, sizeof(r->destination));
	network_get_bytes(in, r->gateway, sizeof(r->gateway));
	network_get_bytes(in, r->source, sizeof(r->source));
}

static void network_get_neighbour(struct wire_in *in, struct network_neighbour *n)
{
	n->link = wire_get_u8(in);
	n->family = wire_get_u8(in);
	network_get_bytes(in, n->mac, sizeof(n->mac));
	network_get_bytes(in, n->address, sizeof(n->address));
}

/* Bounded twice: by what is left of the payload and by the limit. */
static uint32_t network_get_count(struct wire_in *in, size_t item_bytes)
{
	uint32_t count = wire_get_count(in, item_bytes);

	if (count > NETWORK_ITEM_MAX) {
		in->is_bad = true;
		return 0;
	}
	return count;
}

static void network_check_link(struct wire_in *in, const struct network *n, uint8_t link)
{
	if (link >= n->link_count)
		in->is_bad = true;
}

static void network_get_items(struct wire_in *in, struct network *n)
{
	n->resolver = wire_get_u32(in);
	n->want_listeners = wire_get_u8(in);
	n->link_count = network_get_count(in, NETWORK_LINK_BYTES);
	n->links = xcalloc(n->link_count, sizeof(*n->links));
	for (uint32_t i = 0; i < n->link_count; i++)
		network_get_link(in, &n->links[i]);
	n->address_count = network_get_count(in, NETWORK_ADDRESS_BYTES);
	n->addresses = xcalloc(n->address_count, sizeof(*n->addresses));
	for (uint32_t i = 0; i < n->address_count; i++) {
		network_get_address(in, &n->addresses[i]);
		network_check_link(in, n, n->addresses[i].link);
	}
	n->route_count = network_get_count(in, NETWORK_ROUTE_BYTES);
	n->routes = xcalloc(n->route_count, sizeof(*n->routes));
	for (uint32_t i = 0; i < n->route_count; i++) {
		network_get_route(in, &n->routes[i]);
		if (n->routes[i].link != NETWORK_NO_SLOT)
			network_check_link(in, n, n->routes[i].link);
	}
	n->neighbour_count = network_get_count(in, NETWORK_NEIGHBOUR_BYTES);
	n->neighbours = xcalloc(n->neighbour_count, sizeof(*n->neighbours));
	for (uint32_t i = 0; i < n->neighbour_count; i++) {
		network_get_neighbour(in, &n->neighbours[i]);
		network_check_link(in, n, n->neighbours[i].link);
	}
}

int network_decode(struct wire_in *in, struct network *ret)
{
	struct network n = {0};

	network_get_items(in, &n);
	if (!wire_in_end(in)) {
		network_done(&n);
		return -EPROTO;
	}
	*ret = n;
	return 0;
}

void network_done(struct network *n)
{
	if (!n)
		return;
	free(n->links);
	free(n->addresses);
	free(n->routes);
	free(n->neighbours);
	*n = (struct network){0};
}

static bool network_same(const void *a, uint32_t a_count, const void *b, uint32_t b_count,
			 size_t size)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * size));
}

bool network_is_equal(const struct network *a, const struct network *b)
{
	return a->resolver == b->resolver && a->want_listeners == b->want_listeners &&
	       network_same(a->links, a->link_count, b->links, b->link_count, sizeof(*a->links)) &&
	       network_same(a->addresses, a->address_count, b->addresses, b->address_count,
			    sizeof(*a->addresses)) &&
	       network_same(a->routes, a->route_count, b->routes, b->route_count,
			    sizeof(*a->routes)) &&
	       network_same(a->neighbours, a->neighbour_count, b->neighbours, b->neighbour_count,
			    sizeof(*a->neighbours));
}
_Static_assert(sizeof(struct network_link) == 2 + NETWORK_MAC_BYTES + 4 + NETWORK_NAME_BYTES &&
		       sizeof(struct network_address) == 4 + 4 + 16 + 16 + 4 &&
		       sizeof(struct network_route) == 8 + 3 * 4 + 3 * 16 &&
		       sizeof(struct network_neighbour) == 2 + NETWORK_MAC_BYTES + 16,
	       "items are compared by their bytes: no padding");
