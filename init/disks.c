/* The numbers of the machine's disks, found by their serials. Must not open them: what is on them
 * is the container's business. */
#include "init/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"

#define DISKS_DIR	 "/sys/block"
#define DISKS_NAME_BYTES 64
#define DISKS_TEXT_BYTES 32

struct disk_number {
	bool is_there;
	unsigned int major;
	unsigned int minor;
};

static bool disks_read(const char *disk, const char *name, char text[DISKS_TEXT_BYTES])
{
	char path[sizeof(DISKS_DIR) + DISKS_NAME_BYTES + 16];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), DISKS_DIR "/%.*s/%s", DISKS_NAME_BYTES, disk, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : fd_read_all(fd, text, DISKS_TEXT_BYTES - 1);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void disks_look_at(const char *disk, struct disk_number found[GUEST_DISK_MAX])
{
	const size_t prefix = sizeof(GUEST_DISK_SERIAL) - 1;
	char text[DISKS_TEXT_BYTES];
	struct disk_number n = {.is_there = true};
	unsigned long which;
	char *end;

	if (!disks_read(disk, "serial", text) || strncmp(text, GUEST_DISK_SERIAL, prefix) != 0)
		return;
	which = strtoul(text + prefix, NULL, 10);
	if (which < 1 || which > GUEST_DISK_MAX || !disks_read(disk, "dev", text))
		return;
	n.major = (unsigned int)strtoul(text, &end, 10);
	n.minor = *end == ':' ? (unsigned int)strtoul(end + 1, NULL, 10) : 0;
	found[which - 1] = n;
}

static void disks_find(struct disk_number found[GUEST_DISK_MAX])
{
	struct dirent *entry;
	DIR *dir = opendir(DISKS_DIR);

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			disks_look_at(entry->d_name, found);
	}
	if (dir)
		closedir(dir);
}

int disks_resolve(struct guest_container *c, struct err *e)
{
	struct disk_number found[GUEST_DISK_MAX] = {0};
	bool has_any = false;

	for (uint32_t i = 0; i < c->device_count; i++)
		has_any |= c->devices[i].disk != 0;
	if (!has_any)
		return 0;
	disks_find(found);
	for (uint32_t i = 0; i < c->device_count; i++) {
		struct guest_device *d = &c->devices[i];
		const struct disk_number *n = d->disk ? &found[d->disk - 1] : NULL;
		uint32_t insn = n ? c->device_filter.disk_insns[d->disk - 1] : 0;

		if (n && !n->is_there)
			return err_set(e, -ENODEV, "guest: there is no disk for %s", d->path);
		if (!n)
			continue;
		d->major = n->major;
		d->minor = n->minor;
		if (insn) {
			c->device_filter.insns[insn].imm = (int32_t)n->major;
			c->device_filter.insns[insn + 1].imm = (int32_t)n->minor;
		}
	}
	return 0;
}
