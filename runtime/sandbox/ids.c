/* Leases of uids. Must not switch to one: sandbox.c does. */
#include "runtime/sandbox/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/fd.h"

static int ids_open_dir(const char *dir, struct err *e)
{
	auto_close int parent = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (parent < 0 || (mkdirat(parent, "uids", 0700) < 0 && errno != EEXIST))
		return err_sys(e, -errno, "making '%s/uids'", dir);
	fd = openat(parent, "uids", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "opening '%s/uids'", dir) : fd;
}

int ids_lease(const char *dir, const struct ids_range *range, uid_t *ret_id, struct err *e)
{
	auto_close int uids = ids_open_dir(dir, e);

	if (uids < 0)
		return uids;
	for (unsigned int i = 0; i < range->count; i++) {
		auto_close int fd = -1;
		char name[16];

		snprintf(name, sizeof(name), "%u", range->first + i);
		/* Read-only: QEMU holds it too. */
		fd = openat(uids, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_sys(e, -errno, "making '%s/uids/%s'", dir, name);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*ret_id = range->first + i;
			return take_fd(fd);
		}
		if (errno != EWOULDBLOCK)
			return err_sys(e, -errno, "locking '%s/uids/%s'", dir, name);
	}
	return err_set(e, -EAGAIN, "all of the %u uids from %u on are taken (settings: uid-count)",
		       range->count, range->first);
}
