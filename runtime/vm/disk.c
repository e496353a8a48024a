/* Finding and opening block devices of the host by number. Must not know what they are for.
 *
 * config.json has numbers and no path: the kernel's name for them is in sysfs, and /dev has nodes
 * by that name (devtmpfs makes them). */
#include "runtime/vm/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define DISK_UEVENT_BYTES 4096

static int disk_fail(const struct disk *d, int error, const char *why, struct err *e)
{
	return err_set(e, error, "config.json: linux.devices (%s, b %u:%u): %s", d->path, d->major,
		       d->minor, why);
}

/* What the kernel says of it; `name` is "uevent", "size" or "ro". NULL: there is no such device. */
static char *disk_read(const struct disk *d, const char *name)
{
	auto_free char *path = xasprintf("/sys/dev/block/%u:%u/%s", d->major, d->minor, name);
	char *text = NULL;

	return fd_read_file(AT_FDCWD, path, DISK_UEVENT_BYTES, &text, NULL) < 0 ? NULL : text;
}

static uint64_t disk_read_number(const struct disk *d, const char *name)
{
	auto_free char *text = disk_read(d, name);

	return text ? strtoull(text, NULL, 10) : 0;
}

const char *disk_source(const struct disk *d)
{
	return d->file ? d->file : d->node;
}

/* A file is a raw disk: a format that is guessed is one that the guest can forge. */
static int disk_check_file(const struct disk *d, const struct stat *st, struct err *e)
{
	if (S_ISREG(st->st_mode))
		return 0;
	return err_set(e, -EINVAL, "config.json: annotations: io.vmrt.disks: '%s' is no file",
		       d->file);
}

static int disk_find_file(const struct disk *d, struct err *e)
{
	struct stat st;

	if (stat(d->file, &st) < 0)
		return err_sys(e, -errno, "config.json: annotations: io.vmrt.disks: '%s'", d->file);
	return disk_check_file(d, &st, e);
}

int disk_find(struct disk *d, struct err *e)
{
	static const char key[] = "DEVNAME=";
	auto_free char *text = NULL;
	const char *name;

	if (d->file)
		return disk_find_file(d, e);
	d->is_guests = d->major == DISK_MAJOR_LOOP && !disk_read_number(d, "size");
	if (d->is_guests)
		return 0;
	text = disk_read(d, "uevent");
	name = text ? strstr(text, key) : NULL;
	if (!name)
		return disk_fail(d, -ENOTSUP, "the host has no such device", e);
	name += strlen(key);
	d->is_writable = d->is_writable && !disk_read_number(d, "ro");
	snprintf(d->node, sizeof(d->node), "/dev/%.*s", (int)strcspn(name, "\n"), name);
	return 0;
}

int disk_open(const struct disk *d, struct err *e)
{
	auto_close int fd = open(disk_source(d), (d->is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		int r = err_sys(e, -errno, "opening '%s'", disk_source(d));

		return err_prefix(e, r, "config.json: linux.devices (%s)", d->path);
	}
	if (d->file) {
		int r = fstat(fd, &st) < 0 ? err_sys(e, -errno, "'%s'", d->file)
					   : disk_check_file(d, &st, e);

		return r < 0 ? r : take_fd(fd);
	}
	/* The name may be another's by now. */
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != makedev(d->major, d->minor))
		return disk_fail(d, -ENODEV, "the host's /dev has no node of it", e);
	return take_fd(fd);
}
