/* Requests to the guest's kernel about its network, one at a time, each acknowledged.
 *
 * PID 1 has no library for this and needs four message types: no dumps, no parsing of attributes.
 */
#ifndef VMRT_INIT_RTNETLINK_H
#define VMRT_INIT_RTNETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

#define RTNETLINK_BYTES 1024 /* a request of the largest kind takes 600 */

struct rtnetlink {
	union {
		struct nlmsghdr header;
		uint8_t room[RTNETLINK_BYTES];
	};
};

/* `header`: the struct that follows nlmsghdr (ifinfomsg, ifaddrmsg, rtmsg, ndmsg). */
void rtnetlink_begin(struct rtnetlink *q, uint16_t type, uint16_t flags, const void *header,
		     size_t size);
void rtnetlink_put(struct rtnetlink *q, uint16_t type, const void *data, size_t size);
void rtnetlink_put_u32(struct rtnetlink *q, uint16_t type, uint32_t value);
/* Nested attributes end in the order opposite to their beginning. */
struct rtattr *rtnetlink_nest(struct rtnetlink *q, uint16_t type);
void rtnetlink_nest_end(struct rtnetlink *q, struct rtattr *nest);

/* Sends it and waits for the answer. 0 or -errno. */
int rtnetlink_send(struct rtnetlink *q);

#endif
