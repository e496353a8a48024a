/* Building and sending routing netlink requests. Must not know what they ask for. */
#include "init/rtnetlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/machine.h"

static int rtnetlink_fd = -1;
static uint32_t rtnetlink_sequence;

static void *rtnetlink_extend(struct rtnetlink *q, size_t size)
{
	size_t at = NLMSG_ALIGN(q->header.nlmsg_len);

	if (at + size > sizeof(q->room))
		machine_die("rtnetlink: a request of more than %zu bytes", sizeof(q->room));
	q->header.nlmsg_len = (uint32_t)(at + size);
	return q->room + at;
}

void rtnetlink_begin(struct rtnetlink *q, uint16_t type, uint16_t flags, const void *header,
		     size_t size)
{
	*q = (struct rtnetlink){.header = {.nlmsg_len = sizeof(q->header),
					   .nlmsg_type = type,
					   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags}};
	memcpy(rtnetlink_extend(q, size), header, size);
}

void rtnetlink_put(struct rtnetlink *q, uint16_t type, const void *data, size_t size)
{
	struct rtattr *attribute = rtnetlink_extend(q, RTA_LENGTH(size));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
}

void rtnetlink_put_u32(struct rtnetlink *q, uint16_t type, uint32_t value)
{
	rtnetlink_put(q, type, &value, sizeof(value));
}

struct rtattr *rtnetlink_nest(struct rtnetlink *q, uint16_t type)
{
	struct rtattr *attribute = rtnetlink_extend(q, RTA_LENGTH(0));

	attribute->rta_type = type;
	return attribute;
}

void rtnetlink_nest_end(struct rtnetlink *q, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)(q->room + q->header.nlmsg_len - (uint8_t *)nest);
}

static int rtnetlink_open(void)
{
	if (rtnetlink_fd < 0)
		rtnetlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return rtnetlink_fd < 0 ? -errno : 0;
}

int rtnetlink_send(struct rtnetlink *q)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t rest[RTNETLINK_BYTES + 256];
	} answer;
	ssize_t n;
	int r = rtnetlink_open();

	if (r < 0)
		return r;
	q->header.nlmsg_seq = ++rtnetlink_sequence;
	if (send(rtnetlink_fd, q->room, q->header.nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(rtnetlink_fd, &answer, sizeof(answer), 0);
	while ((n < 0 && errno == EINTR) || (n >= (ssize_t)sizeof(answer.header) &&
					     answer.header.nlmsg_seq != rtnetlink_sequence));
	if (n < 0)
		return -errno;
	if (n < (ssize_t)(sizeof(answer.header) + sizeof(answer.error)) ||
	    answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}
