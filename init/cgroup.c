/* The container's cgroup. Must not set limits: that comes with the resources in the description. */
#include "init/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/machine.h"
#include "lib/fd.h"

#define CGROUP_LIST_BYTES 512
#define CGROUP_CHILD	  MACHINE_CGROUP_DIR "/container"

bool cgroup_is_wanted(const struct guest_container *c)
{
	if (c->namespaces & CLONE_NEWCGROUP)
		return true;
	for (uint32_t i = 0; i < c->mount_count; i++) {
		if (c->mounts[i].kind == GUEST_MOUNT_CGROUP)
			return true;
	}
	return false;
}

/* "cpu memory" -> "+cpu +memory", for the children of the root cgroup. */
static int cgroup_enable_controllers(void)
{
	auto_close int from = open(MACHINE_CGROUP_DIR "/cgroup.controllers", O_RDONLY | O_CLOEXEC);
	auto_close int to =
		open(MACHINE_CGROUP_DIR "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	char names[CGROUP_LIST_BYTES];
	char request[CGROUP_LIST_BYTES * 2];
	char *at = request;
	char *save = NULL;
	ssize_t n;

	if (from < 0 || to < 0)
		return -errno;
	n = fd_read_all(from, names, sizeof(names) - 1);
	if (n < 0)
		return (int)n;
	names[n] = '\0';
	for (char *name = strtok_r(names, " \n", &save); name;
	     name = strtok_r(NULL, " \n", &save)) {
		*at++ = '+';
		at = stpcpy(at, name);
		*at++ = ' ';
	}
	return at == request ? 0 : fd_write_all(to, request, (size_t)(at - request));
}

int cgroup_make(const struct guest_container *c, int *ret_fd, struct err *e)
{
	int r;

	if (!cgroup_is_wanted(c))
		return 0;
	if (mount("cgroup", MACHINE_CGROUP_DIR, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return err_sys(e, -errno, "guest: mounting cgroup2");
	r = cgroup_enable_controllers();
	if (r < 0)
		return err_sys(e, r, "guest: enabling cgroup controllers");
	if (mkdir(CGROUP_CHILD, 0755) < 0)
		return err_sys(e, -errno, "guest: making the container's cgroup");
	*ret_fd = open(CGROUP_CHILD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(e, -errno, "guest: the container's cgroup") : 0;
}
