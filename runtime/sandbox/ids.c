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

/* Alone for a moment, then shared. In between another may be alone: then the number is its. */
static int ids_try(int uids, const char *name, struct ids_lease *ret)
{
	/* Read-only: QEMU holds one of them. */
	const int flags = O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	auto_close int fd = openat(uids, name, flags, 0600);
	auto_close int qemu_fd = openat(uids, name, flags, 0600);

	if (fd < 0 || qemu_fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    flock(fd, LOCK_SH | LOCK_NB) < 0 || flock(qemu_fd, LOCK_SH | LOCK_NB) < 0)
		return -errno;
	ret->fd = take_fd(fd);
	ret->qemu_fd = take_fd(qemu_fd);
	return 0;
}

int ids_take(const char *dir, const struct ids_range *range, struct ids_lease *ret, struct err *e)
{
	auto_close int uids = ids_open_dir(dir, e);

	if (uids < 0)
		return uids;
	for (unsigned int i = 0; i < range->count; i++) {
		char name[16];
		int r;

		snprintf(name, sizeof(name), "%u", range->first + i);
		r = ids_try(uids, name, ret);
		if (r == 0) {
			ret->id = range->first + i;
			return 0;
		}
		if (r != -EWOULDBLOCK)
			return err_sys(e, r, "taking '%s/uids/%s'", dir, name);
	}
	return err_set(e, -EAGAIN, "all of the %u uids from %u on are taken (settings: uid-count)",
		       range->count, range->first);
}

void ids_drop(struct ids_lease *lease)
{
	fd_close(&lease->fd);
	fd_close(&lease->qemu_fd);
}
