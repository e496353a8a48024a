#include "init/diag.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAG_BYTES 32768

int diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

/* 1: there is more, 0: that was all, or -errno. */
static int diag_take_part(int fd, void (*call)(const struct nlmsghdr *message, void *arg),
			  void *arg)
{
	static union {
		struct nlmsghdr first;
		uint8_t room[DIAG_BYTES];
	} part;
	const struct nlmsghdr *message = &part.first;
	ssize_t n = recv(fd, &part, sizeof(part), 0);
	unsigned int left = n < 0 ? 0 : (unsigned int)n;

	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			call(message, arg);
	}
	return 1;
}

static int diag_dump_family(int fd, uint8_t family, int protocol, uint32_t states,
			    void (*call)(const struct nlmsghdr *message, void *arg), void *arg)
{
	const struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} q = {
		.header = {.nlmsg_len = sizeof(q),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = family,
			    .sdiag_protocol = (uint8_t)protocol,
			    .idiag_states = states},
	};
	int r = 1;

	if (send(fd, &q, sizeof(q), 0) < 0)
		return -errno;
	while (r > 0)
		r = diag_take_part(fd, call, arg);
	return r;
}

int diag_dump(int fd, int protocol, uint32_t states,
	      void (*call)(const struct nlmsghdr *message, void *arg), void *arg)
{
	int r = diag_dump_family(fd, AF_INET, protocol, states, call, arg);
	int r6 = diag_dump_family(fd, AF_INET6, protocol, states, call, arg);

	return r < 0 ? r : r6;
}
