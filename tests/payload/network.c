/*
 * Payload commands that talk over the network: both ends of what tests of it need beside busybox's
 * httpd, wget and ping. Servers listen on IPv6 sockets that take IPv4 as well, and say "ready".
 */
#include "payload.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { NETWORK_ASK_TRIES = 5, NETWORK_ASK_MS = 1000, NETWORK_MANY_MAX = 1000 };

static struct in6_addr network_own; /* the address that servers bind to; zero: any */

static int network_listen(int type, const char *port, FILE *report)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_addr = network_own,
		.sin6_port = htons((uint16_t)payload_number(port)),
	};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	int on = 1;

	/* A guest without IPv6 has none of these sockets. */
	if (fd < 0)
		payload_die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		payload_die("bind");
	if (type == SOCK_STREAM && listen(fd, NETWORK_MANY_MAX) < 0)
		payload_die("listen");
	fputs("ready\n", report);
	fflush(report);
	return fd;
}

static int network_connect(int type, const char *address, const char *port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *to = (const struct sockaddr *)&v4;
	socklen_t size = sizeof(v4);
	int fd;

	v4.sin_port = v6.sin6_port = htons((uint16_t)payload_number(port));
	if (inet_pton(AF_INET, address, &v4.sin_addr) != 1) {
		to = (const struct sockaddr *)&v6;
		size = sizeof(v6);
		if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
			errno = EINVAL;
			payload_die(address);
		}
	}
	fd = socket(to->sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, to, size) < 0)
		payload_die("connect");
	return fd;
}

/* Sends every datagram back, for ever. */
static int network_udp_echo(int argc, char **argv)
{
	int fd = network_listen(SOCK_DGRAM, argv[0], stdout);
	static char data[65536];

	(void)argc;
	for (;;) {
		struct sockaddr_in6 peer;
		socklen_t size = sizeof(peer);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &size);

		if (n >= 0 && sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, size) < 0)
			payload_die("sendto");
	}
}

/* Sends a datagram of SIZE bytes until the same comes back; datagrams may get lost. */
static int network_udp_ask(int argc, char **argv)
{
	int fd = network_connect(SOCK_DGRAM, argv[0], argv[1]);
	size_t size = argc > 2 ? (size_t)payload_number(argv[2]) : 5;
	static char data[65536];
	static char back[65536];

	for (size_t i = 0; i < size; i++)
		data[i] = (char)('a' + i % 26);
	for (int i = 0; i < NETWORK_ASK_TRIES; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (send(fd, data, size, 0) < 0)
			payload_die("send");
		if (poll(&p, 1, NETWORK_ASK_MS) <= 0)
			continue;
		n = recv(fd, back, sizeof(back), 0);
		if (n != (ssize_t)size || memcmp(data, back, size) != 0)
			payload_die("another answer");
		printf("answer of %zu bytes\n", size);
		return 0;
	}
	errno = ETIMEDOUT;
	payload_die("no answer");
}

static void network_join(int fd, const char *text)
{
	struct ip_mreqn group = {.imr_multiaddr.s_addr = inet_addr(text)};

	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		payload_die("joining the group");
}

/* Answers what is sent to an IPv4 multicast group, once, from an address of its own. */
static int network_group_echo(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);
	char data[2048];
	ssize_t n;

	(void)argc;
	address.sin_port = htons((uint16_t)payload_number(argv[1]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		payload_die("bind");
	network_join(fd, argv[0]);
	puts("ready");
	fflush(stdout);
	n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&address, &size);
	if (n < 0 || sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&address, size) != n)
		payload_die("answering");
	return 0;
}

/* Sends to a multicast group until one member answers. */
static int network_group_ask(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct pollfd p = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), .events = POLLIN};
	char back[8];

	(void)argc;
	address.sin_addr.s_addr = inet_addr(argv[0]);
	address.sin_port = htons((uint16_t)payload_number(argv[1]));
	for (int i = 0; i < NETWORK_ASK_TRIES; i++) {
		if (sendto(p.fd, "hello", 5, 0, (struct sockaddr *)&address, sizeof(address)) != 5)
			payload_die("sendto");
		if (poll(&p, 1, NETWORK_ASK_MS) <= 0)
			continue;
		if (recv(p.fd, back, sizeof(back), 0) != 5 || memcmp(back, "hello", 5) != 0)
			payload_die("another answer");
		puts("a member answered");
		return 0;
	}
	errno = ETIMEDOUT;
	payload_die("no answer");
}

/* Sends COUNT datagrams of SIZE bytes and waits for no answer; not faster than an emulated CPU can
 * take them. */
static int network_udp_flood(int argc, char **argv)
{
	int fd = network_connect(SOCK_DGRAM, argv[0], argv[1]);
	long count = payload_number(argv[2]);
	size_t size = (size_t)payload_number(argv[3]);
	static char data[65536];

	(void)argc;
	for (long i = 0; i < count; i++) {
		if (send(fd, data, size <= sizeof(data) ? size : sizeof(data), 0) < 0 &&
		    errno != ECONNREFUSED)
			payload_die("send");
		usleep(4000);
	}
	return 0;
}

/* Each connection gets back what it sends, in a process of its own. */
static int network_tcp_echo(int argc, char **argv)
{
	int listener = network_listen(SOCK_STREAM, argv[0], stdout);
	static char data[65536];

	(void)argc;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n;

		if (fd < 0)
			payload_die("accept");
		if (fork() == 0) {
			while ((n = read(fd, data, sizeof(data))) > 0) {
				if (payload_write_all(fd, data, (size_t)n) < 0)
					_exit(1);
			}
			_exit(0);
		}
		close(fd);
	}
}

/* "i": takes all that comes and says how many bytes that were; "o": sends as many as are asked for.
 */
static void network_load_serve(int fd, char command)
{
	static char data[1 << 18];
	uint64_t count = 0;
	ssize_t n;

	if (command == 'i') {
		while ((n = read(fd, data, sizeof(data))) > 0)
			count += (uint64_t)n;
		count = htole64(count);
		n = write(fd, &count, sizeof(count));
	} else if (command == 'o' && recv(fd, &count, sizeof(count), MSG_WAITALL) == 8) {
		count = le64toh(count);
		while (count) {
			size_t size = count < sizeof(data) ? (size_t)count : sizeof(data);

			if (payload_write_all(fd, data, size) < 0)
				break;
			count -= size;
		}
	} else if (command == 'e') {
		while ((n = read(fd, data, sizeof(data))) > 0) {
			if (payload_write_all(fd, data, (size_t)n) < 0)
				break;
		}
	}
}

/* The other end of tests/bench/network.py: a process for each connection, whose first byte says
 * what it is for. */
static int network_tcp_load(int argc, char **argv)
{
	int listener = network_listen(SOCK_STREAM, argv[0], stdout);
	int on = 1;

	(void)argc;
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char command;

		if (fd < 0)
			payload_die("accept");
		if (fork() == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			if (read(fd, &command, 1) == 1)
				network_load_serve(fd, command);
			_exit(0);
		}
		close(fd);
	}
}

/* COUNT connections, all open before the first is used; each has an answer of its own. */
static int network_tcp_many(int argc, char **argv)
{
	long count = payload_number(argv[2]);
	static int fds[NETWORK_MANY_MAX];

	(void)argc;
	if (count < 1 || count > NETWORK_MANY_MAX) {
		errno = ERANGE;
		payload_die(argv[2]);
	}
	for (long i = 0; i < count; i++)
		fds[i] = network_connect(SOCK_STREAM, argv[0], argv[1]);
	for (long i = 0; i < count; i++) {
		if (write(fds[i], &i, sizeof(i)) != (ssize_t)sizeof(i))
			payload_die("write");
	}
	for (long i = 0; i < count; i++) {
		long back = -1;

		if (recv(fds[i], &back, sizeof(back), MSG_WAITALL) != (ssize_t)sizeof(back) ||
		    back != i)
			payload_die("read");
	}
	printf("%ld connections\n", count);
	return 0;
}

static void network_copy(int from, int to, long pause_us)
{
	static char data[65536];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0) {
		if (payload_write_all(to, data, (size_t)n) < 0)
			payload_die("write");
		if (pause_us)
			usleep((useconds_t)pause_us);
	}
	if (n < 0)
		payload_die("read");
}

/* Answers every query with the address, whatever is asked; at an address of its own,
 * "::ffff:1.2.3.4".
 */
static int network_dns_serve(int argc, char **argv)
{
	static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
	unsigned char m[1024];
	int fd;

	if (argc > 1 && inet_pton(AF_INET6, argv[1], &network_own) != 1)
		payload_die(argv[1]);
	fd = network_listen(SOCK_DGRAM, "53", stdout);
	for (;;) {
		struct sockaddr_in6 peer;
		socklen_t size = sizeof(peer);
		ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&peer, &size);
		size_t end = 12;

		if (n < 17)
			continue;
		while (end < 500 && m[end])
			end += m[end] + 1;
		end += 5;
		memcpy(m + 2, "\x81\x80\0\1\0\1\0\0\0\0", 10);
		memcpy(m + end, record, sizeof(record));
		if (inet_pton(AF_INET, argv[0], m + end + sizeof(record)) != 1)
			payload_die(argv[0]);
		if (sendto(fd, m, end + sizeof(record) + 4, 0, (struct sockaddr *)&peer, size) < 0)
			payload_die("sendto");
	}
}

/* One connection's bytes to stdout; slowly, with a pause after each 64 KiB. */
static int network_tcp_get(int argc, char **argv)
{
	long pause_us = argc > 1 ? payload_number(argv[1]) : 0;
	int few = 65536;
	int fd;

	fd = network_listen(SOCK_STREAM, argv[0], stderr);
	fd = accept(fd, NULL, NULL);
	if (fd < 0)
		payload_die("accept");
	/* Not so that the kernel takes it all at once. */
	if (pause_us)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof(few));
	network_copy(fd, STDOUT_FILENO, pause_us);
	return 0;
}

/* Stdin to a connection. */
static int network_tcp_put(int argc, char **argv)
{
	(void)argc;
	network_copy(STDIN_FILENO, network_connect(SOCK_STREAM, argv[0], argv[1]), 0);
	return 0;
}

static int network_unix_connect(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		payload_die("connect");
	return fd;
}

/* Stdin to a Unix socket, without waiting for anything. */
static int network_unix_put(int argc, char **argv)
{
	(void)argc;
	network_copy(STDIN_FILENO, network_unix_connect(argv[0]), 0);
	return 0;
}

/* Stdin to a Unix socket, half-closed at its end, and what comes back to stdout. */
static int network_unix_talk(int argc, char **argv)
{
	int fd = network_unix_connect(argv[0]);
	pid_t child;

	(void)argc;
	child = fork();
	if (child < 0)
		payload_die("fork");
	if (child == 0) {
		network_copy(STDIN_FILENO, fd, 0);
		shutdown(fd, SHUT_WR);
		_exit(0);
	}
	network_copy(fd, STDOUT_FILENO, 0);
	return 0;
}

/* That many connections at once, each of which sends its number and wants it back. */
static int network_unix_many(int argc, char **argv)
{
	static int fds[NETWORK_MANY_MAX];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	long count = payload_number(argv[1]);
	long answers = 0;

	(void)argc;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", argv[0]);
	for (long i = 0; i < count && i < NETWORK_MANY_MAX; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || connect(fds[i], (const struct sockaddr *)&to, sizeof(to)) < 0 ||
		    payload_write_all(fds[i], &i, sizeof(i)) < 0)
			payload_die("connect");
	}
	for (long i = 0; i < count && i < NETWORK_MANY_MAX; i++) {
		long back = -1;

		if (recv(fds[i], &back, sizeof(back), MSG_WAITALL) == sizeof(back) && back == i)
			answers++;
		close(fds[i]);
	}
	printf("%ld answers\n", answers);
	return 0;
}

/* Asks for the IPv4 address of a name over TCP and prints what the first answer record says. */
static int network_dns_tcp(int argc, char **argv)
{
	static unsigned char m[2 + 65535];
	unsigned char *at = m + 2;
	const char *name = argv[1];
	int fd = network_connect(SOCK_STREAM, argv[0], "53");
	size_t size;

	(void)argc;
	memcpy(at, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
	at += 12;
	while (*name) {
		size_t label = strcspn(name, ".");

		*at++ = (unsigned char)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	memcpy(at, "\0\0\1\0\1", 5);
	at += 5;
	size = (size_t)(at - m - 2);
	m[0] = (unsigned char)(size >> 8);
	m[1] = (unsigned char)size;
	if (payload_write_all(fd, m, size + 2) < 0)
		payload_die("write");
	if (recv(fd, m, 2, MSG_WAITALL) != 2)
		payload_die("no answer");
	size = (size_t)m[0] << 8 | m[1];
	if (recv(fd, m, size, MSG_WAITALL) != (ssize_t)size || size < 16 || !m[7])
		payload_die("no address");
	printf("%u.%u.%u.%u\n", m[size - 4], m[size - 3], m[size - 2], m[size - 1]);
	return 0;
}

const struct payload_command network_commands[] = {
	{"udp-echo", "PORT", 1, network_udp_echo},
	{"udp-ask", "ADDRESS PORT [SIZE]", 2, network_udp_ask},
	{"group-echo", "GROUP PORT", 2, network_group_echo},
	{"group-ask", "GROUP PORT", 2, network_group_ask},
	{"udp-flood", "ADDRESS PORT COUNT SIZE", 4, network_udp_flood},
	{"tcp-echo", "PORT", 1, network_tcp_echo},
	{"tcp-load", "PORT", 1, network_tcp_load},
	{"tcp-many", "ADDRESS PORT COUNT", 3, network_tcp_many},
	{"dns-serve", "ADDRESS [OWN-ADDRESS]", 1, network_dns_serve},
	{"dns-tcp", "SERVER NAME", 2, network_dns_tcp},
	{"tcp-get", "PORT [PAUSE-US]", 1, network_tcp_get},
	{"unix-talk", "PATH", 1, network_unix_talk},
	{"unix-put", "PATH", 1, network_unix_put},
	{"unix-many", "PATH COUNT", 2, network_unix_many},
	{"tcp-put", "ADDRESS PORT", 2, network_tcp_put},
	{0},
};
