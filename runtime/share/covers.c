/* Covering mounts. A mount of a less privileged namespace cannot be taken away, as it may hide
 * something; another one on top of it can be made. Must not decide which part needs it. */
#include "runtime/share/covers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/share/submounts.h"

#define COVERS_DIR  "empty"
#define COVERS_FILE "empty-file"

int covers_make(int top)
{
	auto_close int fd = -1;

	if (mkdirat(top, COVERS_DIR, 0555) < 0)
		return -errno;
	fd = openat(top, COVERS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	return fd < 0 ? -errno : 0;
}

static bool covers_is_below(const char *path, const char *dir)
{
	size_t size = dir ? strlen(dir) : 0;

	return dir && !strncmp(path, dir, size) && path[size] == '/';
}

static int covers_place_one(int top, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	auto_close int target = (int)syscall(SYS_openat2, top, path, &how, sizeof(how));
	auto_close int cover = -1;
	struct stat st;

	/* What the user cannot reach needs no cover. */
	if (target < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (fstat(target, &st) < 0)
		return -errno;
	cover = open_tree(top, S_ISDIR(st.st_mode) ? COVERS_DIR : COVERS_FILE,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (cover < 0 || mount_setattr(cover, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(cover, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
		    0)
		return -errno;
	return 0;
}

int covers_place(int top, const char *name, const char *source, struct err *e)
{
	auto_strv struct strv found = {0};
	const char *last = NULL;
	int r = submounts_find(source, SIZE_MAX, &found);

	for (size_t i = 0; r == 0 && i < found.count; i++) {
		auto_free char *path = xasprintf("%s/%s", name, found.at[i]);

		/* Sorted: an outer one comes before what is in it. */
		if (covers_is_below(found.at[i], last))
			continue;
		last = found.at[i];
		r = covers_place_one(top, path);
		if (r < 0)
			return err_sys(e, r, "share: covering '%s' of '%s'", found.at[i], source);
	}
	return r < 0 ? err_sys(e, r, "share: finding the mounts in '%s'", source) : 0;
}
