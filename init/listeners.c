/* Looking for listening sockets: the kernel tells nobody when one comes or goes, so they are read
 * again and again. Must not decide what the host does about them.
 *
 * Left out: what is reached by IPv6 alone, which the log names, and UDP at ports that the kernel
 * chooses: those are the sockets of clients. */
#include "init/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "init/control.h"
#include "init/diag.h"
#include "init/loop.h"
#include "init/resolver.h"
#include "lib/fd.h"

#define LISTENERS_NAMED_MAX 64	      /* then nothing more is said */
#define LISTENERS_PERIOD_NS 200000000 /* a server is reachable after that at the latest */

struct listeners_set {
	uint32_t count;
	struct proto_listener at[PROTO_LISTENER_MAX];
};

static struct {
	struct loop_source timer;
	int fd;				/* NETLINK_SOCK_DIAG */
	unsigned int first_client_port; /* UDP */
	unsigned int last_client_port;
	bool is_told;
	struct listeners_set told;
} listeners = {.timer.fd = -1, .fd = -1};

static void listeners_add(struct listeners_set *set, const struct proto_listener *l)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (!memcmp(&set->at[i], l, sizeof(*l)))
			return;
	}
	if (set->count < PROTO_LISTENER_MAX)
		set->at[set->count++] = *l;
}

static bool listeners_is_v6_only(const struct nlmsghdr *message)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	int left = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a) >= 1)
			return *(const uint8_t *)RTA_DATA(a);
	}
	return false;
}

/* The IPv4 address that leads to the socket. False: none does. */
static bool listeners_address(const struct nlmsghdr *message, uint32_t *ret)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	const struct in6_addr *a = (const struct in6_addr *)m->id.idiag_src;

	*ret = ntohl(m->id.idiag_src[0]);
	if (m->idiag_family == AF_INET)
		return true;
	if (IN6_IS_ADDR_UNSPECIFIED(a)) {
		*ret = 0;
		return !listeners_is_v6_only(message);
	}
	*ret = ntohl(m->id.idiag_src[3]);
	return IN6_IS_ADDR_V4MAPPED(a);
}

/* Once: the host's ports are IPv4's. */
static void listeners_name_v6(const struct inet_diag_msg *m, bool is_udp)
{
	static struct {
		bool is_udp;
		uint16_t port;
	} named[LISTENERS_NAMED_MAX];
	static int count;
	uint16_t port = ntohs(m->id.idiag_sport);
	char address[INET6_ADDRSTRLEN];

	for (int i = 0; i < count; i++) {
		if (named[i].is_udp == is_udp && named[i].port == port)
			return;
	}
	if (count == LISTENERS_NAMED_MAX)
		return;
	named[count].is_udp = is_udp;
	named[count++].port = port;
	inet_ntop(AF_INET6, m->id.idiag_src, address, sizeof(address));
	control_send_log(PROTO_LOG_WARN,
			 "network: the container's port %s:[%s]:%u is not reachable: it takes IPv6 "
			 "alone",
			 is_udp ? "udp" : "tcp", address, port);
}

static void listeners_take(struct listeners_set *set, const struct nlmsghdr *message, bool is_udp)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	struct proto_listener l;

	if (resolver_has_socket(m->idiag_inode))
		return;
	memset(&l, 0, sizeof(l)); /* compared by its bytes */
	l.is_udp = is_udp;
	l.port = ntohs(m->id.idiag_sport);
	if (!l.port || (is_udp && l.port >= listeners.first_client_port &&
			l.port <= listeners.last_client_port))
		return;
	if (listeners_address(message, &l.address))
		listeners_add(set, &l);
	else
		listeners_name_v6(m, is_udp);
}

static void listeners_take_tcp(const struct nlmsghdr *message, void *arg)
{
	listeners_take(arg, message, false);
}

static void listeners_take_udp(const struct nlmsghdr *message, void *arg)
{
	listeners_take(arg, message, true);
}

static int listeners_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct proto_listener));
}

static void listeners_look(void)
{
	static struct listeners_set now;

	memset(&now, 0, sizeof(now));
	/* What could not be read now is read the next time. */
	(void)diag_dump(listeners.fd, IPPROTO_TCP, 1u << TCP_LISTEN, listeners_take_tcp, &now);
	(void)diag_dump(listeners.fd, IPPROTO_UDP, 1u << TCP_CLOSE, listeners_take_udp, &now);
	qsort(now.at, now.count, sizeof(*now.at), listeners_compare);
	if (listeners.is_told && !memcmp(&now, &listeners.told, sizeof(now)))
		return;
	/* A host that does not read is told later. */
	listeners.is_told = control_send_listening(now.at, now.count);
	listeners.told = now;
}

static void listeners_on_timer(struct loop_source *s, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(s->fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		listeners_look();
}

static void listeners_read_client_ports(void)
{
	char *text = NULL;
	size_t size;

	listeners.first_client_port = 1;
	if (fd_read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_local_port_range", 64, &text, &size) == 0)
		(void)!sscanf(text, "%u %u", &listeners.first_client_port,
			      &listeners.last_client_port);
	free(text);
}

/* What comes in for a socket at 127.0.0.1 is addressed to 127.0.0.1, and comes over the NIC. */
static void listeners_allow_loopback(void)
{
	auto_close int fd =
		open("/proc/sys/net/ipv4/conf/all/route_localnet", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, "1", 1) < 0)
		control_send_log(PROTO_LOG_WARN, "init: servers at 127.0.0.1 are not reachable "
						 "from the host: route_localnet cannot be set");
}

void listeners_begin(void)
{
	const struct itimerspec period = {.it_value = {.tv_nsec = LISTENERS_PERIOD_NS},
					  .it_interval = {.tv_nsec = LISTENERS_PERIOD_NS}};
	int fd;

	if (listeners.fd >= 0)
		return;
	listeners.fd = diag_open();
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (listeners.fd < 0 || fd < 0 || timerfd_settime(fd, 0, &period, NULL) < 0) {
		control_send_log(PROTO_LOG_WARN,
				 "init: the container's ports cannot be watched: none is open");
		fd_close(&fd);
		return;
	}
	listeners_read_client_ports();
	listeners_allow_loopback();
	loop_add(&listeners.timer, fd, EPOLLIN, listeners_on_timer);
}
