/* The constants of QEMU's user-mode network (its manual, "-netdev user"). Must not start anything.
 */
#include "runtime/net/user.h"

#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/mem.h"

#define USER_MTU 1500

static const uint8_t user_guest[4] = {10, 0, 2, 15};
static const uint8_t user_gateway[4] = {10, 0, 2, 2};
static const uint8_t user_broadcast[4] = {10, 0, 2, 255};

void user_network_describe(bool want_listeners, struct network *ret)
{
	static const struct network_link link = {
		.mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
		.is_ipv6_disabled = true,
		.mtu = USER_MTU,
		.name = "eth0",
	};
	struct network_address address = {.family = AF_INET, .prefix = 24};
	struct network_route route = {
		.family = AF_INET,
		.type = RTN_UNICAST,
		.protocol = RTPROT_BOOT,
		.has_gateway = true,
	};

	memcpy(address.local, user_guest, sizeof(user_guest));
	memcpy(address.peer, user_guest, sizeof(user_guest));
	memcpy(address.broadcast, user_broadcast, sizeof(user_broadcast));
	memcpy(route.gateway, user_gateway, sizeof(user_gateway));
	*ret = (struct network){
		.want_listeners = want_listeners,
		.link_count = 1,
		.links = xmemdup(&link, sizeof(link)),
		.address_count = 1,
		.addresses = xmemdup(&address, sizeof(address)),
		.route_count = 1,
		.routes = xmemdup(&route, sizeof(route)),
	};
}
