/* Making taps. Must not connect them: see redirect.c. */
#include "runtime/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/fd.h"

/* No IPv6 address of its own, before it is up: its router solicitations would reach the guest. */
static int tap_silence(struct netlink *nl, unsigned int ifindex, uint32_t group)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_NEWLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	struct nlattr *spec;
	struct nlattr *inet6;
	int r;

	info->ifi_index = (int)ifindex;
	mnl_attr_put_u32(message, IFLA_GROUP, group);
	spec = mnl_attr_nest_start(message, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(message, AF_INET6);
	mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(message, inet6);
	mnl_attr_nest_end(message, spec);
	r = netlink_send(nl, message);
	/* A kernel without IPv6 has nothing to silence. */
	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

static int tap_set_up(struct netlink *nl, unsigned int ifindex)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_NEWLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifi_index = (int)ifindex;
	info->ifi_flags = IFF_UP;
	info->ifi_change = IFF_UP;
	return netlink_send(nl, message);
}

int tap_set_mtu(struct netlink *nl, const struct tap *tap, unsigned int mtu)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_NEWLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifi_index = (int)tap->ifindex;
	mnl_attr_put_u32(message, IFLA_MTU, mtu);
	return netlink_send(nl, message);
}

/* A tap, or one more queue of the one that `request` names since the first. Descriptor or -errno.
 */
static int tap_open_queue(struct ifreq *request)
{
	auto_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, TUNSETIFF, request) < 0)
		return -errno;
	return take_fd(fd);
}

int tap_make(struct netlink *nl, uint32_t group, unsigned int queue_count, struct tap *ret,
	     struct err *e)
{
	/* The kernel numbers them: two VMs may meet in one namespace. */
	struct ifreq request = {.ifr_name = "vmrt%d",
				.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int r;

	if (queue_count > 1)
		request.ifr_flags |= IFF_MULTI_QUEUE;
	ret->fd = tap_open_queue(&request);
	if (ret->fd < 0)
		return err_sys(e, ret->fd, "network: making a tap (/dev/net/tun)");
	for (unsigned int i = 0; i + 1 < queue_count && i + 1 < TAP_QUEUE_MAX; i++) {
		ret->more_fds[i] = tap_open_queue(&request);
		if (ret->more_fds[i] < 0)
			return err_sys(e, ret->more_fds[i], "network: making a tap's queue %u",
				       i + 1);
	}
	if (!group && ioctl(ret->fd, TUNSETPERSIST, 1) < 0)
		return err_sys(e, -errno, "network: keeping a tap");
	ret->ifindex = if_nametoindex(request.ifr_name);
	r = tap_silence(nl, ret->ifindex, group);
	if (r == 0)
		r = tap_set_up(nl, ret->ifindex);
	if (r < 0)
		return err_sys(e, r, "network: setting the tap '%s' up", request.ifr_name);
	return 0;
}

uint32_t tap_group_new(void)
{
	uint32_t group = 0;

	while (!group && getrandom(&group, sizeof(group), 0) < 0 && errno == EINTR)
		;
	/* The kernel's is a signed number, and 0 is everybody's. */
	return (group & INT32_MAX) | 1u << 30;
}

int tap_remove_group(struct netlink *nl, uint32_t group)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, RTM_DELLINK, 0);

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(message, IFLA_GROUP, group);
	return netlink_send(nl, message);
}
