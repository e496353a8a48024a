/* The constants of QEMU's user-mode network (its manual, "-netdev user"), and what it finds on the
 * host. Must not start anything. */
#include "runtime/net/user.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define USER_MTU	    1500
#define USER_LOOPBACK_MTU   65536
#define USER_RESOLV_CONF    "/etc/resolv.conf"
#define USER_FILE_MAX	    (64u << 10)
#define USER_IPV4_PREFIX    24
#define USER_IPV4_GATEWAY   0x0a000202u
#define USER_IPV4_BROADCAST 0x0a0002ffu
#define USER_IPV6_PREFIX    64

static const uint8_t user_ipv6_guest[16] = {0xfe, 0xc0, [15] = 0x15};
static const uint8_t user_ipv6_gateway[16] = {0xfe, 0xc0, [15] = 0x02};

/* The first "nameserver", if it is one at 127.x: others the guest reaches by itself. */
static uint32_t user_find_resolver(void)
{
	char *text = NULL;
	char *save = NULL;
	size_t size;
	struct in_addr address = {0};
	bool is_found = false;

	if (fd_read_file(AT_FDCWD, USER_RESOLV_CONF, USER_FILE_MAX, &text, &size) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && !is_found;
	     line = strtok_r(NULL, "\n", &save)) {
		char *rest = NULL;
		const char *word = strtok_r(line, " \t", &rest);

		if (!word || strcmp(word, "nameserver") != 0)
			continue;
		word = strtok_r(NULL, " \t", &rest);
		is_found = word && inet_pton(AF_INET, word, &address) == 1;
	}
	free(text);
	return is_found && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET ? ntohl(address.s_addr)
									 : 0;
}

void user_network_look(struct user_network *ret)
{
	char *text = NULL;
	size_t size = 0;

	*ret = (struct user_network){.resolver = user_find_resolver()};
	/* The loopback's address is one: the namespace has IPv6, be it for that alone. */
	if (fd_read_file(AT_FDCWD, "/proc/self/net/if_inet6", USER_FILE_MAX, &text, &size) == 0)
		ret->has_ipv6 = size > 0;
	free(text);
}

static void user_put_ipv4(uint8_t to[4], uint32_t address)
{
	address = htonl(address);
	memcpy(to, &address, sizeof(address));
}

static void user_add_route(struct network *n, uint8_t family, const uint8_t *gateway, size_t size)
{
	struct network_route *r = &n->routes[n->route_count++];

	*r = (struct network_route){
		.family = family,
		.type = RTN_UNICAST,
		.protocol = RTPROT_BOOT,
		.has_gateway = true,
	};
	memcpy(r->gateway, gateway, size);
}

static void user_add_ipv4(struct network *n)
{
	struct network_address *a = &n->addresses[n->address_count++];
	uint8_t gateway[4];

	*a = (struct network_address){.family = AF_INET, .prefix = USER_IPV4_PREFIX};
	user_put_ipv4(a->local, USER_GUEST_ADDRESS);
	user_put_ipv4(a->peer, USER_GUEST_ADDRESS);
	user_put_ipv4(a->broadcast, USER_IPV4_BROADCAST);
	user_put_ipv4(gateway, USER_IPV4_GATEWAY);
	user_add_route(n, AF_INET, gateway, sizeof(gateway));
}

static void user_add_ipv6(struct network *n)
{
	struct network_address *a = &n->addresses[n->address_count++];

	*a = (struct network_address){
		.family = AF_INET6, .prefix = USER_IPV6_PREFIX, .flags = IFA_F_NODAD};
	memcpy(a->local, user_ipv6_guest, sizeof(user_ipv6_guest));
	memcpy(a->peer, user_ipv6_guest, sizeof(user_ipv6_guest));
	user_add_route(n, AF_INET6, user_ipv6_gateway, sizeof(user_ipv6_gateway));
}

void user_network_describe(const struct user_network *u, struct network *ret)
{
	const struct network_link links[] = {
		{
			.mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
			.is_ipv6_disabled = !u->has_ipv6,
			.mtu = USER_MTU,
			.name = "eth0",
		},
		{.slot = NETWORK_NO_SLOT, .mtu = USER_LOOPBACK_MTU, .name = "lo"},
	};

	*ret = (struct network){
		.want_listeners = u->want_host_ports,
		.resolver = u->resolver,
		.link_count = 2,
		.links = xmemdup(links, sizeof(links)),
		.addresses = xcalloc(2, sizeof(*ret->addresses)),
		.routes = xcalloc(2, sizeof(*ret->routes)),
	};
	user_add_ipv4(ret);
	if (u->has_ipv6)
		user_add_ipv6(ret);
}
