/* Finding the root on a disk that somebody made. The kernel takes partition tables and file systems
 * apart, in the guest; what is a root is seen by looking into it. Must not change what it looks at.
 */
#include "init/rootdisk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/machine.h"
#include "lib/fd.h"
#include "lib/guest.h"

#define ROOTDISK_BLOCK	     "/sys/block"
#define ROOTDISK_NAME_BYTES  64
#define ROOTDISK_PARTS_MAX   128
#define ROOTDISK_TYPES_BYTES 4096
#define ROOTDISK_LIST_BYTES  256

struct rootdisk_part {
	char name[ROOTDISK_NAME_BYTES]; /* of the node in /dev */
	uint32_t number;		/* 0: the whole disk */
};

struct rootdisk {
	char name[ROOTDISK_NAME_BYTES];
	struct rootdisk_part parts[ROOTDISK_PARTS_MAX];
	size_t count;
	char types[ROOTDISK_TYPES_BYTES]; /* of file systems on devices, a line each */
};

static const char rootdisk_target[] = MACHINE_SHARE_DIR "/rootfs";
static bool rootdisk_is_mounted;

static bool rootdisk_read(const char *path, char *text, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool rootdisk_has_serial(const char *disk)
{
	char path[sizeof(ROOTDISK_BLOCK) + ROOTDISK_NAME_BYTES + 16];
	char text[32];

	snprintf(path, sizeof(path), ROOTDISK_BLOCK "/%.*s/serial", ROOTDISK_NAME_BYTES - 1, disk);
	return rootdisk_read(path, text, sizeof(text)) &&
	       !strncmp(text, GUEST_ROOT_SERIAL, strlen(GUEST_ROOT_SERIAL));
}

static bool rootdisk_find(struct rootdisk *d)
{
	DIR *dir = opendir(ROOTDISK_BLOCK);
	struct dirent *entry;
	bool is_found = false;

	while (dir && !is_found && (entry = readdir(dir))) {
		is_found = entry->d_name[0] != '.' && rootdisk_has_serial(entry->d_name);
		snprintf(d->name, sizeof(d->name), "%.*s", ROOTDISK_NAME_BYTES - 1, entry->d_name);
	}
	if (dir)
		closedir(dir);
	return is_found;
}

static void rootdisk_add(struct rootdisk *d, const char *name, uint32_t number)
{
	struct rootdisk_part *part = &d->parts[d->count];
	size_t at = d->count;

	if (d->count == ROOTDISK_PARTS_MAX)
		return;
	d->count++;
	while (at && d->parts[at - 1].number > number) {
		d->parts[at] = d->parts[at - 1];
		at--;
	}
	part = &d->parts[at];
	snprintf(part->name, sizeof(part->name), "%.*s", ROOTDISK_NAME_BYTES - 1, name);
	part->number = number;
}

/* Its partitions in their order, or the disk itself. */
static void rootdisk_list(struct rootdisk *d)
{
	char path[sizeof(ROOTDISK_BLOCK) + 2 * ROOTDISK_NAME_BYTES + 16];
	char text[16];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), ROOTDISK_BLOCK "/%s", d->name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), ROOTDISK_BLOCK "/%s/%.*s/partition", d->name,
			 ROOTDISK_NAME_BYTES - 1, entry->d_name);
		if (entry->d_name[0] != '.' && rootdisk_read(path, text, sizeof(text)))
			rootdisk_add(d, entry->d_name, (uint32_t)strtoul(text, NULL, 10));
	}
	if (dir)
		closedir(dir);
	if (!d->count)
		rootdisk_add(d, d->name, 0);
}

/* Lines of /proc/filesystems are a type, or "nodev" and one that needs no device. */
static void rootdisk_read_types(struct rootdisk *d)
{
	char *to = d->types;
	char *line = d->types;

	rootdisk_read("/proc/filesystems", d->types, sizeof(d->types));
	while (*line) {
		char *end = strchr(line, '\n');
		size_t size = end ? (size_t)(end + 1 - line) : strlen(line);

		if (*line == '\t') {
			memmove(to, line + 1, size - 1);
			to += size - 1;
		}
		line += size;
	}
	*to = '\0';
}

/* With the first type that takes it. 0 or -errno. */
static int rootdisk_try(const struct rootdisk *d, const struct rootdisk_part *part,
			unsigned long flags, const char *target)
{
	char node[ROOTDISK_NAME_BYTES + 8];
	char type[32];
	int r = -EINVAL;

	snprintf(node, sizeof(node), "/dev/%s", part->name);
	for (const char *line = d->types; *line;) {
		size_t size = strcspn(line, "\n");

		snprintf(type, sizeof(type), "%.*s", (int)size, line);
		if (mount(node, target, type, flags, NULL) == 0)
			return 0;
		/* It is the one, but cannot be mounted so. */
		if (errno != EINVAL && errno != ENODEV)
			r = -errno;
		line += size + (line[size] == '\n');
	}
	return r;
}

static bool rootdisk_has_dir(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), MACHINE_SCRATCH_DIR "/%s", name);
	/* /bin is a link in most of them. */
	return lstat(path, &st) == 0 && (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
}

static bool rootdisk_is_root(const struct rootdisk *d, const struct rootdisk_part *part)
{
	bool is_root;

	if (rootdisk_try(d, part, MS_RDONLY, MACHINE_SCRATCH_DIR) < 0)
		return false;
	is_root = rootdisk_has_dir("etc") && (rootdisk_has_dir("usr") || rootdisk_has_dir("bin"));
	umount2(MACHINE_SCRATCH_DIR, MNT_DETACH);
	return is_root;
}

static int rootdisk_choose(const struct rootdisk *d, const struct rootdisk_part **ret,
			   struct err *e)
{
	char list[ROOTDISK_LIST_BYTES] = "";
	size_t found = 0;

	for (size_t i = 0; i < d->count; i++) {
		size_t used = strlen(list);

		if (!rootdisk_is_root(d, &d->parts[i]))
			continue;
		*ret = &d->parts[i];
		snprintf(list + used, sizeof(list) - used, "%s%u", found++ ? ", " : "",
			 d->parts[i].number);
	}
	if (found == 1)
		return 0;
	if (found)
		return err_set(e, -ENOTUNIQ,
			       "guest: vm.image: each of the partitions %s could be the root: "
			       "choose one (vmrun: --partition)",
			       list);
	for (size_t i = 0; i < sizeof(list) - 1 && d->types[i]; i++) {
		list[i] = d->types[i] == '\n' ? ' ' : d->types[i];
		list[i + 1] = '\0';
	}
	return err_set(e, -ENOENT,
		       "guest: vm.image: no root file system was found on it, of the types that "
		       "this kernel has: %s",
		       list);
}

static int rootdisk_take(const struct rootdisk *d, uint32_t partition,
			 const struct rootdisk_part **ret, struct err *e)
{
	for (size_t i = 0; i < d->count; i++) {
		if (d->parts[i].number == partition) {
			*ret = &d->parts[i];
			return 0;
		}
	}
	return err_set(e, -ENOENT, "guest: vm.image: there is no partition %u", partition);
}

int rootdisk_mount(const struct guest_container *c, struct err *e)
{
	const struct rootdisk_part *part = NULL;
	struct rootdisk d = {.count = 0};
	int r;

	if (!c->is_root_disk)
		return 0;
	if (!rootdisk_find(&d))
		return err_set(e, -ENODEV, "guest: vm.image: the disk is not there");
	rootdisk_list(&d);
	rootdisk_read_types(&d);
	r = c->root_partition ? rootdisk_take(&d, c->root_partition, &part, e)
			      : rootdisk_choose(&d, &part, e);
	if (r < 0)
		return r;
	r = rootdisk_try(&d, part, 0, rootdisk_target);
	/* squashfs and the like */
	if (r == -EROFS || r == -EACCES)
		r = rootdisk_try(&d, part, MS_RDONLY, rootdisk_target);
	rootdisk_is_mounted = r == 0;
	return r < 0 ? err_sys(e, r, "guest: vm.image: mounting partition %u", part->number) : 0;
}

void rootdisk_release(void)
{
	if (rootdisk_is_mounted)
		umount2(rootdisk_target, MNT_DETACH);
}
