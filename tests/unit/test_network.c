/* The network's description: on the wire and back, hostile payloads, and what is taken from a
 * recorded namespace. The recording (data-net/namespace.bin) is what the kernel answered to the
 * dumps of links, addresses, routes and neighbours in a namespace with
 *
 *   lo 192.0.2.7/32; eth0 mtu 1400, 10.99.0.2/24, 10.99.1.2 peer 10.99.1.1, fd99::2/64, fe80::/64;
 *   down0 and its peer down; default via 10.99.0.1 and fd99::1; 10.50.0.0/16 via 10.99.0.77 onlink
 * mtu 1300 metric 7 src 10.99.0.2; unreachable 10.66.0.0/16; 10.70.0.0/16 with two next hops; a
 * permanent neighbour 10.99.0.9 */
#include "lib/fd.h"
#include "lib/network.h"
#include "runtime/net/net.h"
#include "runtime/net/scan.h"
#include "runtime/net/publish.h"
#include "runtime/net/user.h"
#include "tests/unit/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <sched.h>
#include <unistd.h>

static struct network_link links[] = {
	{.slot = NETWORK_NO_SLOT, .mtu = 65536, .name = "lo"},
	{.slot = 2, .is_ipv6_disabled = 1, .mac = {2, 0x42, 1}, .mtu = 1500, .name = "eth0"},
};
static struct network_address addresses[] = {
	{.link = 1, .family = AF_INET, .prefix = 24, .local = {10, 0, 0, 2}, .peer = {10, 0, 0, 2}},
	{.link = 0, .family = AF_INET6, .prefix = 128, .flags = 2, .local = {0xfd}},
};
static struct network_route routes[] = {
	{.link = NETWORK_NO_SLOT, .family = AF_INET, .type = RTN_UNREACHABLE, .prefix = 8},
	{.link = 1, .family = AF_INET, .has_gateway = 1, .gateway = {10, 0, 0, 1}, .mtu = 1300},
};
static struct network_neighbour neighbours[] = {
	{.link = 1, .family = AF_INET, .mac = {1, 2, 3, 4, 5, 6}, .address = {10, 0, 0, 9}},
};

static struct network sample(void)
{
	return (struct network){
		.resolver = 0x7f00000b,
		.link_count = 2,
		.links = links,
		.address_count = 2,
		.addresses = addresses,
		.route_count = 2,
		.routes = routes,
		.neighbour_count = 1,
		.neighbours = neighbours,
	};
}

static int decode(const struct wire_out *o, size_t size, struct network *ret)
{
	struct wire_in in;

	wire_in_init(&in, o->data, size);
	return network_decode(&in, ret);
}

static void test_wire(void)
{
	struct network n = sample();
	struct network got;
	struct wire_out o = {0};
	size_t cut = 0;

	network_encode(&o, &n);
	is_int(decode(&o, o.size, &got), 0, "a description is decoded");
	ok(network_is_equal(&n, &got), "into the same");
	got.links[1].mtu++;
	ok(!network_is_equal(&n, &got), "another MTU is another description");
	network_done(&got);
	for (size_t size = 0; size < o.size; size++)
		cut += decode(&o, size, &got) == -EPROTO;
	is_int((long long)cut, (long long)o.size, "every cut is refused");
	wire_put_u8(&o, 0);
	is_int(decode(&o, o.size, &got), -EPROTO, "so are trailing bytes");
	wire_out_done(&o);
}

static void test_hostile(void)
{
	struct network n = sample();
	struct network got;
	struct wire_out o = {0};

	addresses[0].link = 2;
	network_encode(&o, &n);
	is_int(decode(&o, o.size, &got), -EPROTO, "an address of a link that is not there");
	wire_out_done(&o);
	addresses[0].link = 1;
	routes[1].link = 7;
	network_encode(&o, &n);
	is_int(decode(&o, o.size, &got), -EPROTO, "a route of one");
	wire_out_done(&o);
	routes[1].link = 1;
	memset(links[1].name, 'x', sizeof(links[1].name));
	network_encode(&o, &n);
	is_int(decode(&o, o.size, &got), -EPROTO, "a name without an end");
	wire_out_done(&o);
	strcpy(links[1].name, "eth0");
	network_encode(&o, &n);
	wire_set_u32(&o, 1, 0x40000000);
	is_int(decode(&o, o.size, &got), -EPROTO, "a count that the payload cannot hold");
	wire_out_done(&o);
}

static void load(struct scan *s)
{
	char *data = NULL;
	size_t size = 0;
	const struct nlmsghdr *m;
	int left;

	*s = (struct scan){0};
	if (fd_read_file(AT_FDCWD, TEST_DATA "/data-net/namespace.bin", 1 << 20, &data, &size) < 0)
		return;
	m = (const struct nlmsghdr *)data;
	for (left = (int)size; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
		scan_take(s, m);
	free(data);
}

static const struct scan_link *link_named(const struct scan *s, const char *name)
{
	for (size_t i = 0; i < s->link_count; i++) {
		if (!strcmp(s->links[i].item.name, name))
			return &s->links[i];
	}
	return NULL;
}

static const struct network_address *address_of(const struct scan *s, const char *text)
{
	uint8_t wanted[16] = {0};
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	inet_pton(family, text, wanted);
	for (size_t i = 0; i < s->address_count; i++) {
		if (s->addresses[i].item.family == family &&
		    !memcmp(s->addresses[i].item.local, wanted, sizeof(wanted)))
			return &s->addresses[i].item;
	}
	return NULL;
}

static const struct network_route *route_to(const struct scan *s, const char *text, uint8_t prefix)
{
	uint8_t wanted[16] = {0};
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	inet_pton(family, text, wanted);
	for (size_t i = 0; i < s->route_count; i++) {
		const struct network_route *r = &s->routes[i].item;

		if (r->family == family && r->prefix == prefix &&
		    !memcmp(r->destination, wanted, sizeof(wanted)))
			return r;
	}
	return NULL;
}

static void test_links(const struct scan *s)
{
	static const uint8_t mac[6] = {0x02, 0x42, 0x0a, 0x63, 0x00, 0x02};
	const struct scan_link *lo = link_named(s, "lo");
	const struct scan_link *eth0 = link_named(s, "eth0");
	const struct scan_link *down = link_named(s, "down0");

	ok(lo && lo->is_up && lo->hardware == ARPHRD_LOOPBACK, "the loopback is found");
	ok(eth0 && eth0->is_up && eth0->hardware == ARPHRD_ETHER, "eth0 is found");
	ok(eth0 && !memcmp(eth0->item.mac, mac, 6) && eth0->item.mtu == 1400,
	   "with its MAC and MTU");
	ok(eth0 && !eth0->item.is_ipv6_disabled, "and IPv6");
	ok(down && !down->is_up, "an interface that is down is known to be");
}

static void test_addresses(const struct scan *s)
{
	const struct network_address *a = address_of(s, "10.99.0.2");

	ok(a && a->prefix == 24 && a->broadcast[3] == 255 && !memcmp(a->local, a->peer, 16),
	   "an address with its prefix and broadcast");
	a = address_of(s, "10.99.1.2");
	ok(a && a->prefix == 32 && a->peer[3] == 1, "an address with a peer");
	a = address_of(s, "fd99::2");
	ok(a && a->prefix == 64 && (a->flags & IFA_F_NODAD),
	   "an IPv6 address, without a duplicate check");
	ok(address_of(s, "192.0.2.7") && !address_of(s, "127.0.0.1") && !address_of(s, "::1"),
	   "of the loopback's only what it does not have by itself");
}

static void test_routes(const struct scan *s)
{
	const struct network_route *r = route_to(s, "0.0.0.0", 0);

	ok(r && r->has_gateway && r->gateway[3] == 1 && !r->has_source, "the default route");
	r = route_to(s, "::", 0);
	ok(r && r->has_gateway && r->gateway[15] == 1 && r->priority == 1024, "IPv6's as well");
	r = route_to(s, "10.50.0.0", 16);
	ok(r && r->mtu == 1300 && r->priority == 7 && r->has_source && r->source[3] == 2 &&
		   (r->flags & RTNH_F_ONLINK),
	   "metric, source, MTU and onlink of a route");
	r = route_to(s, "10.66.0.0", 16);
	ok(r && r->type == RTN_UNREACHABLE, "an unreachable one");
	ok(!route_to(s, "10.99.0.0", 24) && !route_to(s, "fe80::", 64),
	   "routes that come with an address are not told");
	is_int((long long)s->skipped_count, 1, "a route with several next hops is not taken");
	is_str(s->skipped_count ? s->skipped[0] : NULL,
	       "the route '10.70.0.0/16', which has several next hops", "but named");
	is_int((long long)s->neighbour_count, 1, "the permanent neighbour and no other");
	ok(s->neighbour_count == 1 && s->neighbours[0].item.address[3] == 9, "is the right one");
}

static bool has_argument(const struct strv *v, const char *wanted)
{
	for (size_t i = 0; i < v->count; i++) {
		if (!strcmp(v->at[i], wanted))
			return true;
	}
	return false;
}

static void test_publish(void)
{
	static const char *const bad[] = {
		"80",	      "x:80",	     "0:80", "80:65536", "1.2.3:80:80",
		"80:80/sctp", "80:80:80:80", ":80",  "80:-1",	 "localhost:80:80"};
	char words[PUBLISH_QEMU_BYTES];
	struct publish p;
	struct err e = {{0}};

	is_int(publish_parse("8080:80,127.0.0.1:53:5353/udp,9:9/tcp", &p, &e), 0, "ports");
	publish_write_qemu(&p, words);
	is_str(words, ",hostfwd=tcp::8080-:80,hostfwd=udp:127.0.0.1:53-:5353,hostfwd=tcp::9-:9",
	       "as QEMU takes them");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		is_int(publish_parse(bad[i], &p, &e), -EINVAL, bad[i]);
}

static void test_held_bytes(void)
{
	const char *text = "Hub -1 (n0):\r\n"
			   "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port "
			   "RecvQ SendQ\r\n"
			   "  TCP[FIN_WAIT_2]    21       10.0.2.15  4711       192.0.2.1    80 "
			   "131072     7\r\n"
			   "  TCP[HOST_FORWARD]  14       127.0.0.1  8080       10.0.2.15    80    "
			   " 0     0\r\n"
			   "  UDP[236 sec]       20       10.0.2.15  5353       192.0.2.1    53    "
			   " 9     9\r\n"
			   "  TCP[ESTABLISHED]   22       10.0.2.15  4712       192.0.2.1    80    "
			   " 1     0\r\n";

	ok(user_network_count_held(text) == 131073, "what QEMU holds is counted");
	ok(user_network_count_held("") == 0, "nothing is nothing");
	ok(user_network_count_held("TCP[") == 0, "nor is what is no line");
}

static void test_user_network(void)
{
	struct user_network u = {.passt = "/usr/bin/passt", .has_ipv6 = true};
	struct network n;
	struct strv v = {0};

	user_network_describe(&u, &n);
	ok(n.address_count == 1 && n.route_count == 1 && n.links[0].mtu == 65520 &&
		   n.links[0].is_ipv6_disabled,
	   "passt without a default route of IPv6's has IPv4, in long packets");
	network_done(&n);
	user_network_passt_argv(&u, 7, &v);
	ok(has_argument(&v, "--ipv4-only") && !has_argument(&v, "fec0::15") &&
		   has_argument(&v, "7") && has_argument(&v, "10.0.2.15"),
	   "and is told so");
	strv_done(&v);
	u.passt = NULL;
	user_network_describe(&u, &n);
	ok(n.address_count == 2 && n.route_count == 2 && n.links[0].mtu == 1500 &&
		   !n.links[0].is_ipv6_disabled && !n.want_listeners,
	   "QEMU's own has both");
	network_done(&n);
}

/* 10.1.x.y/32 on the loopback interface. */
static int change_address(struct netlink *nl, unsigned int type, unsigned int number)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *m =
		netlink_begin(room, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(m, sizeof(*info));

	*info = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1};
	mnl_attr_put_u32(m, IFA_LOCAL, htonl(0x0a010000 + number));
	return netlink_send(nl, m);
}

struct interruption {
	struct netlink *other;
	unsigned int seen;
	bool is_wanted;
};

/* The kernel answers a dump in pieces: what changes between two of them interrupts it. */
static int on_dumped(const struct nlmsghdr *message, void *arg)
{
	struct interruption *x = arg;

	(void)message;
	if (x->seen++ == 0 && x->is_wanted && change_address(x->other, RTM_DELADDR, 0) < 0)
		return MNL_CB_ERROR;
	return MNL_CB_OK;
}

static int dump_addresses(struct netlink *nl, struct interruption *x)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *m = netlink_begin(room, RTM_GETADDR, 0);

	mnl_nlmsg_put_extra_header(m, sizeof(struct ifaddrmsg));
	return netlink_dump(nl, m, on_dumped, x);
}

static void test_interrupted_dump(void)
{
	enum { COUNT = 4000 };
	static struct netlink nl;
	static struct netlink other;
	struct interruption x = {.other = &other, .is_wanted = true};
	struct err e;
	int failed = 0;

	if (!is_int(unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET), 0,
		    "a network namespace") ||
	    netlink_open(&nl, NETLINK_ROUTE, &e) < 0 || netlink_open(&other, NETLINK_ROUTE, &e) < 0)
		return;
	for (unsigned int i = 0; i < COUNT; i++)
		failed += change_address(&nl, RTM_NEWADDR, i) < 0;
	is_int(failed, 0, "with many addresses");
	is_int(dump_addresses(&nl, &x), -EINTR, "a dump during which one goes is known to be bad");
	x = (struct interruption){0};
	is_int(dump_addresses(&nl, &x), 0, "and can be repeated at once");
	is_int(x.seen, COUNT - 1, "with the right result");
	netlink_close(&nl);
	netlink_close(&other);
}

/* As somebody in the container's network namespace may send it, while an answer is awaited. */
static void test_forged_message(void)
{
	static struct netlink nl;
	static struct netlink other;
	struct interruption x = {0};
	struct err e;

	if (!is_int(unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET), 0,
		    "a network namespace") ||
	    netlink_open(&nl, NETLINK_ROUTE, &e) < 0 || netlink_open(&other, NETLINK_ROUTE, &e) < 0)
		return;
	for (int i = 0; i < 2; i++) {
		const struct sockaddr_nl to = {.nl_family = AF_NETLINK,
					       .nl_pid = mnl_socket_get_portid(nl.socket)};
		struct {
			struct nlmsghdr header;
			struct nlmsgerr error;
		} forged = {{.nlmsg_len = i ? 0xfffffff0u : sizeof(forged),
			     .nlmsg_type = NLMSG_ERROR,
			     .nlmsg_seq = nl.sequence + 1,
			     .nlmsg_pid = to.nl_pid},
			    {.error = -EPERM}};

		is_int(sendto(mnl_socket_get_fd(other.socket), &forged, sizeof(forged), 0,
			      (const struct sockaddr *)&to, sizeof(to)),
		       sizeof(forged), "a message that is not the kernel's");
	}
	is_int(change_address(&nl, RTM_NEWADDR, 0), 0, "answers nothing");
	is_int(dump_addresses(&nl, &x), 0, "and is no part of a dump");
	is_int(x.seen, 1, "whose result is right");
	netlink_close(&nl);
	netlink_close(&other);
}

static void test_lengths(void)
{
	struct nlmsghdr message = {.nlmsg_len = sizeof(message)};

	ok(netlink_is_whole(&message, sizeof(message)), "a message of the right length");
	message.nlmsg_len++;
	ok(!netlink_is_whole(&message, sizeof(message)), "a longer one");
	message.nlmsg_len = 0xfffffff0u;
	ok(!netlink_is_whole(&message, sizeof(message)), "one of more than 2^31 bytes");
}

int main(void)
{
	struct scan s;

	test_wire();
	test_hostile();
	load(&s);
	test_links(&s);
	test_addresses(&s);
	test_routes(&s);
	scan_done(&s);
	test_publish();
	test_held_bytes();
	test_user_network();
	test_interrupted_dump();
	test_forged_message();
	test_lengths();
	return done_testing();
}
