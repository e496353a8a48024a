/* Asks the kernel what is bound to a file. Must not connect: that would be a visit. */
#include "runtime/share/socket_type.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/net/netlink.h"

struct socket_type_search {
	uint32_t dev; /* as the kernel has it */
	uint32_t ino;
	int type; /* 0: not found */
};

static int socket_type_on_message(const struct nlmsghdr *message, void *arg)
{
	struct socket_type_search *s = arg;
	const struct unix_diag_msg *m = mnl_nlmsg_get_payload(message);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*m))
		return MNL_CB_OK;
	mnl_attr_for_each(a, message, sizeof(*m))
	{
		const struct unix_diag_vfs *vfs = mnl_attr_get_payload(a);

		if (mnl_attr_get_type(a) == UNIX_DIAG_VFS &&
		    mnl_attr_get_payload_len(a) >= sizeof(*vfs) && vfs->udiag_vfs_ino == s->ino &&
		    vfs->udiag_vfs_dev == s->dev)
			s->type = m->udiag_type;
	}
	return MNL_CB_OK;
}

static int socket_type_find(struct netlink *nl, const char *path)
{
	char room[NETLINK_REQUEST_BYTES];
	struct nlmsghdr *message = netlink_begin(room, SOCK_DIAG_BY_FAMILY, 0);
	struct unix_diag_req *request = mnl_nlmsg_put_extra_header(message, sizeof(*request));
	struct socket_type_search s = {0};
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	s.dev = major(st.st_dev) << 20 | minor(st.st_dev);
	s.ino = (uint32_t)st.st_ino;
	request->sdiag_family = AF_UNIX;
	request->udiag_states = UINT32_MAX;
	request->udiag_show = UDIAG_SHOW_VFS;
	return netlink_dump(nl, message, socket_type_on_message, &s) == 0 ? s.type : 0;
}

static int socket_type_check_one(struct netlink *nl, const struct share_bind *b, struct err *e)
{
	int type = socket_type_find(nl, b->source);

	if (type == 0 || type == SOCK_STREAM)
		return 0;
	return err_set(
		e, -EOPNOTSUPP,
		"error mounting \"%s\" to rootfs at \"%s\": it is a %s socket of the host: a "
		"VM can be given stream sockets only",
		b->source, b->destination, type == SOCK_DGRAM ? "datagram" : "sequenced packet");
}

int socket_type_check(const struct share_bind *binds, size_t count, struct err *e)
{
	struct netlink nl = {0};
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		if (!binds[i].ret_is_socket)
			continue;
		if (!nl.socket)
			r = netlink_open(&nl, NETLINK_SOCK_DIAG, e);
		if (r == 0)
			r = socket_type_check_one(&nl, &binds[i], e);
	}
	netlink_close(&nl);
	return r;
}
