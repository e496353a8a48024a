/* Memory files: making one, copying one into another. Must not know what is in them. */
#include "runtime/template/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

#define RAM_PAGE_BYTES 4096

static int ram_configure(int fs, uint64_t bytes)
{
	char size[32];

	/* The file may fill it, and nothing else fits. */
	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", "vmrt-memory", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "4", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0711", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return 0;
}

int ram_open(struct ram *ret, uint64_t bytes, uid_t owner, struct err *e)
{
	auto_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	auto_close int mount_fd = -1;
	auto_close int fd = -1;
	int r = fs < 0 ? -errno : ram_configure(fs, bytes);

	if (r < 0)
		return err_sys(e, r, "making a file system for the memory");
	mount_fd = fsmount(fs, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount_fd >= 0)
		fd = openat(mount_fd, RAM_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 || fchown(fd, owner, owner) < 0)
		return err_sys(e, -errno, "making the memory's file");
	*ret = (struct ram){.mount_fd = take_fd(mount_fd), .fd = take_fd(fd), .bytes = bytes};
	return 0;
}

void ram_close(struct ram *r)
{
	fd_close(&r->mount_fd);
	fd_close(&r->fd);
}

static bool ram_is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, RAM_PAGE_BYTES - 1);
}

/* One stretch of pages that are not zero. */
static int ram_write(int fd, const uint8_t *data, uint64_t size, uint64_t at)
{
	while (size) {
		ssize_t n = pwrite(fd, data, size, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		data += n;
		size -= (uint64_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int ram_copy_extent(const uint8_t *from, uint64_t size, int to, uint64_t to_at)
{
	uint64_t at = 0;
	int r = 0;

	while (r == 0 && at < size) {
		uint64_t end = at;

		while (end < size && !ram_is_zero(from + end))
			end += RAM_PAGE_BYTES;
		r = ram_write(to, from + at, end - at, to_at + at);
		at = end + RAM_PAGE_BYTES;
	}
	return r;
}

int ram_copy(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t bytes, struct err *e)
{
	off_t end = (off_t)(from_at + bytes);
	off_t at = (off_t)from_at;
	int r = 0;

	while (r == 0 && at < end) {
		off_t data = lseek(from, at, SEEK_DATA);
		uint8_t *map;
		size_t size;

		if (data < 0 && errno == ENXIO)
			break;
		at = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
		if (at < 0)
			return err_sys(e, -errno, "looking for data of a machine's memory");
		if (data >= end)
			break;
		at = at > end ? end : at;
		size = (size_t)(at - data);
		map = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, from, data);
		if (map == MAP_FAILED)
			return err_sys(e, -errno, "mapping a machine's memory");
		r = ram_copy_extent(map, size, to, to_at + (uint64_t)data - from_at);
		munmap(map, size);
	}
	return r < 0 ? err_sys(e, r, "copying a machine's memory") : 0;
}
