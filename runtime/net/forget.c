/* Clearing a namespace of redirections. Must not touch what is not ours. */
#include "runtime/net/forget.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/net/redirect.h"
#include "runtime/net/scan.h"

/* A socket stays in the namespace it was made in: only making it needs to be there. */
static int forget_open(const char *path, struct netlink *nl, struct err *e)
{
	auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_close int there = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (there < 0 || own < 0 || setns(there, CLONE_NEWNET) < 0)
		return -ENOENT;
	r = netlink_open(nl, NETLINK_ROUTE, e);
	if (setns(own, CLONE_NEWNET) < 0)
		r = err_sys(e, -errno, "network: returning from '%s'", path);
	return r;
}

int net_forget(const char *path, struct err *e)
{
	auto_free struct netlink *nl = xcalloc(1, sizeof(*nl));
	struct scan s = {0};
	int r = forget_open(path, nl, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = scan_run(nl, &s, e);
	for (size_t i = 0; r == 0 && i < s.link_count; i++) {
		r = redirect_remove_ours(nl, s.links[i].ifindex);
		if (r < 0)
			err_sys(e, r, "network: freeing '%s'", s.links[i].item.name);
	}
	scan_done(&s);
	netlink_close(nl);
	return r;
}
