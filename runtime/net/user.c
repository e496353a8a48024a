/* The constants of QEMU's user-mode network (its manual, "-netdev user"), which passt is given as
 * well, and what both find on the host. Must not start anything. */
#include "runtime/net/user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/userns/userns.h"

#define USER_MTU	    1500
#define USER_LOOPBACK_MTU   65536
#define USER_PASST_MTU	    65520 /* the largest that it takes: most bytes per packet */
#define USER_PASST_MAC	    "52:55:0a:00:02:02"
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

/* Has one line of a file in /proc/net what `call` looks for? */
static bool user_find_line(const char *path, bool (*call)(const char *line))
{
	char *text = NULL;
	char *save = NULL;
	size_t size;
	bool is_found = false;

	if (fd_read_file(AT_FDCWD, path, USER_FILE_MAX, &text, &size) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line && !is_found;
	     line = strtok_r(NULL, "\n", &save))
		is_found = call(line);
	free(text);
	return is_found;
}

static bool user_is_default_route(const char *line)
{
	unsigned int destination;
	unsigned int mask;

	return sscanf(line, "%*s %x %*x %*x %*u %*u %*u %x", &destination, &mask) == 2 &&
	       !destination && !mask;
}

/* The kernel has one of its own at the loopback. */
static bool user_is_ipv6_default_route(const char *line)
{
	char destination[33];
	char device[17];
	unsigned int prefix;

	return sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %*x %16s", destination, &prefix,
		      device) == 3 &&
	       !prefix && strspn(destination, "0") == 32 && strcmp(device, "lo") != 0;
}

/* The loopback's address is one: the namespace has IPv6, be it for that alone. */
static bool user_is_ipv6_address(const char *line)
{
	return *line;
}

static int user_find_passt(const char *configured, const char **ret, struct err *e)
{
	static const char *const known[] = {"/usr/bin/passt", "/usr/local/bin/passt"};

	*ret = NULL;
	if (configured && !strcmp(configured, "none"))
		return 0;
	if (configured && access(configured, X_OK) < 0)
		return err_sys(e, -errno, "settings: passt: '%s'", configured);
	*ret = configured;
	for (size_t i = 0; !*ret && i < sizeof(known) / sizeof(*known); i++) {
		if (access(known[i], X_OK) == 0)
			*ret = known[i];
	}
	return 0;
}

/* passt runs as nobody, whom not every user namespace has. */
static bool user_has_nobody(void)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	struct err e;

	return userns_read(ns, &e) < 0 || userns_has(ns, SANDBOX_NOBODY, 1);
}

int user_network_look(const char *passt, struct user_network *ret, struct err *e)
{
	*ret = (struct user_network){
		.has_ipv6 = user_find_line("/proc/self/net/if_inet6", user_is_ipv6_address),
		.has_default_route = user_find_line("/proc/self/net/route", user_is_default_route),
		.has_ipv6_default_route =
			user_find_line("/proc/self/net/ipv6_route", user_is_ipv6_default_route),
		.resolver = user_find_resolver(),
	};
	return user_has_nobody() ? user_find_passt(passt, &ret->passt, e) : 0;
}

/* It is told the addresses and tells nobody: the guest has them from the description. */
void user_network_passt_argv(const struct user_network *u, int fd, struct strv *ret)
{
	char number[12];
	const char *const fixed[] = {
		"--foreground", "--quiet",	"--no-dhcp", "--no-dhcpv6",   "--no-ra",
		"--mac-addr",	USER_PASST_MAC, "--address", "10.0.2.15",     "--netmask",
		"24",		"--gateway",	"10.0.2.2",  "--dns-forward", "10.0.2.3",
	};
	const char *const ipv6[] = {"--address", "fec0::15", "--gateway", "fec0::2"};

	snprintf(number, sizeof(number), "%d", fd);
	strv_push(ret, u->passt);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		strv_push(ret, fixed[i]);
	for (size_t i = 0; u->has_ipv6_default_route && i < sizeof(ipv6) / sizeof(*ipv6); i++)
		strv_push(ret, ipv6[i]);
	if (!u->has_ipv6_default_route)
		strv_push(ret, "--ipv4-only");
	strv_push(ret, "--fd");
	strv_push(ret, number);
}

/* "  TCP[ESTABLISHED]  12  10.0.2.15 4711  192.0.2.1 80  RECEIVED  SENT", as the guest's peer sees
 * it: received from the guest is what we want. */
static uint64_t user_count_line(const char *line, size_t size)
{
	uint64_t last[2] = {0, 0};
	size_t at = 0;

	while (at < size && line[at] == ' ')
		at++;
	if (size - at < 4 || memcmp(line + at, "TCP[", 4) != 0)
		return 0;
	while (at < size) {
		size_t end = at;

		while (end < size && line[end] != ' ')
			end++;
		if (end > at) {
			last[0] = last[1];
			last[1] = strtoull(line + at, NULL, 10);
		}
		at = end + 1;
	}
	return last[0];
}

uint64_t user_network_count_held(const char *text)
{
	uint64_t sum = 0;

	while (*text) {
		size_t size = strcspn(text, "\r\n");

		sum += user_count_line(text, size);
		text += size;
		text += strspn(text, "\r\n");
	}
	return sum;
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
	bool has_ipv6 = u->passt ? u->has_ipv6_default_route : u->has_ipv6;
	const struct network_link links[] = {
		{
			.mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
			.is_ipv6_disabled = !has_ipv6,
			.mtu = u->passt ? USER_PASST_MTU : USER_MTU,
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
	if (has_ipv6)
		user_add_ipv6(ret);
}
