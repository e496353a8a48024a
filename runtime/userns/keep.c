/* Making the share's user namespace. A process has to be its first member: it is killed when the
 * namespace has a descriptor. Must not enter it. */
#include "runtime/userns/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/spawn.h"

static void keep_add(struct userns_map *to, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (count)
		to->at[to->count++] = (struct userns_extent){inside, outside, count};
}

/* The last id of those that follow 0 without a gap. */
static uint32_t keep_last(const struct userns_map *now, uint32_t reserved)
{
	uint32_t last = 0;
	bool is_longer = true;

	while (is_longer) {
		is_longer = false;
		for (size_t i = 0; i < now->count; i++) {
			const struct userns_extent *x = &now->at[i];

			if (x->inside > last + 1 || x->inside + (x->count - 1) <= last)
				continue;
			last = x->inside + (x->count - 1);
			is_longer = true;
		}
	}
	return last < reserved ? last : reserved - 1;
}

void keep_map(const struct userns_map *now, uint32_t reserved, uint32_t own, struct userns_map *ret)
{
	uint32_t last = keep_last(now, reserved);

	ret->count = 0;
	keep_add(ret, 0, 1, own <= last ? own : last);
	keep_add(ret, own, 0, 1);
	if (own < last)
		keep_add(ret, own + 1, own + 1, last - own);
}

static int keep_write(pid_t pid, const char *name, const struct userns_map *map, struct err *e)
{
	auto_free char *path = xasprintf("/proc/%d/%s", pid, name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[256];
	int size = 0;

	/* At most three lines, in one write: the kernel takes no second. */
	for (size_t i = 0; i < map->count; i++)
		size += snprintf(text + size, sizeof(text) - (size_t)size, "%u %u %u\n",
				 map->at[i].inside, map->at[i].outside, map->at[i].count);
	if (fd < 0 || write(fd, text, (size_t)size) != size)
		return err_sys(e, -errno, "writing '%s'", path);
	return 0;
}

static int keep_member(void *arg)
{
	const pid_t *parent = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == *parent)
		pause();
	return 0;
}

int keep_open(const struct userns *now, const struct ids_range *qemu, const struct keep_ids *own,
	      struct err *e)
{
	auto_free struct userns_map *map = xcalloc(1, sizeof(*map));
	auto_free char *path = NULL;
	pid_t self = getpid();
	int pidfd = -1;
	pid_t pid;
	int fd = -1;
	int r = spawn_monitor(CLONE_NEWUSER, keep_member, &self, &pid, &pidfd, e);

	if (r < 0)
		return r;
	keep_map(&now->uids, qemu->first, own->uid, map);
	r = keep_write(pid, "uid_map", map, e);
	if (r == 0) {
		keep_map(&now->gids, qemu->first, own->gid, map);
		r = keep_write(pid, "gid_map", map, e);
	}
	if (r == 0) {
		path = xasprintf("/proc/%d/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? err_sys(e, -errno, "opening '%s'", path) : 0;
	}
	spawn_kill(&pidfd);
	return r < 0 ? r : fd;
}
