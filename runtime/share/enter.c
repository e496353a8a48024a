/* Makes the container's root the root of the caller's mount namespace: what `podman cp` finds
 * behind /proc/PID/ns/mnt. Every path of the container is resolved inside its root by the kernel
 * (openat2): the image's symbolic links lead nowhere else. Must not look host paths up. */
#include "runtime/share/share.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

static int share_open_inside(int root_fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT | resolve};
	int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Opens `path` in the root and makes what is missing on the way: directories with mode 0755, at
 * the end an empty file if `is_file`. Descriptor (O_PATH) or -errno. */
static int share_make_inside(int root_fd, const char *path, bool is_file)
{
	auto_free char *prefix = xstrdup(path);
	auto_close int parent = share_open_inside(root_fd, "/", O_PATH | O_DIRECTORY, 0);
	char *at = prefix + strspn(prefix, "/");

	if (parent < 0)
		return parent;
	while (*at) {
		size_t size = strcspn(at, "/");
		char *rest = at + size + strspn(at + size, "/");
		bool is_last = !*rest;
		bool is_dir = !is_last || !is_file;
		int fd;

		at[size] = '\0';
		fd = share_open_inside(root_fd, prefix, O_PATH | (is_dir ? O_DIRECTORY : 0), 0);
		if (fd == -ENOENT) {
			mode_t mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0755;
			int r = is_dir ? mkdirat(parent, at, mode & 07777)
				       : mknodat(parent, at, mode, 0);

			if (r < 0 && errno != EEXIST)
				return -errno;
			fd = share_open_inside(root_fd, prefix, O_PATH | (is_dir ? O_DIRECTORY : 0),
					       0);
		}
		if (fd < 0)
			return fd;
		fd_close(&parent);
		parent = fd;
		if (!is_last)
			at[size] = '/';
		at = rest;
	}
	return take_fd(parent);
}

static int share_enter_bind(int root_fd, int share_fd, size_t index, const struct share_bind *b)
{
	auto_close int tree = -1;
	auto_close int target = -1;
	char name[40];
	struct stat st;

	snprintf(name, sizeof(name), "mounts/%zu", index);
	tree = open_tree(share_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return -errno;
	target = share_make_inside(root_fd, b->destination, b->ret_is_file);
	if (target < 0)
		return target;
	if (fstat(target, &st) < 0 || b->ret_is_file == !!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

/* A /proc of the caller's own pid namespace, with its processes only: sysctls and everything else
 * in there are the host's. A symbolic link there is refused: the image must not choose where it
 * appears. */
static int share_enter_proc(int root_fd, struct err *e)
{
	auto_close int target = -1;
	auto_close int fs = -1;
	auto_close int mounted = -1;

	if (mkdirat(root_fd, "proc", 0555) < 0 && errno != EEXIST && errno != EROFS)
		return err_sys(e, -errno, "share: making /proc in the container's root");
	target = share_open_inside(root_fd, "/proc", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	if (target < 0)
		return err_sys(e, target, "share: /proc in the container's root");
	fs = fsopen("proc", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "subset", "pid", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, -errno, "share: making a proc file system");
	mounted = fsmount(fs, FSMOUNT_CLOEXEC,
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mounted < 0 || move_mount(mounted, "", target, "",
				      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, -errno, "share: mounting /proc in the container's root");
	return 0;
}

static int share_pivot(int root_fd, struct err *e)
{
	if (fchdir(root_fd) < 0)
		return err_sys(e, -errno, "share: entering the container's root");
	/* pivot_root(2): with both names the same the old root ends on top of the new one, from
	 * where it is taken off. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, -errno, "share: pivoting to the container's root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, -errno, "share: dropping the host's root");
	if (chdir("/") < 0)
		return err_sys(e, -errno, "share: changing to the container's root");
	return 0;
}

int share_enter_root(const char *share_dir, const struct share_bind *binds, size_t count,
		     size_t *ret_skipped, struct err *e)
{
	auto_close int share_fd = open(share_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int root_fd = -1;
	size_t skipped = 0;
	int r;

	if (share_fd < 0)
		return err_sys(e, -errno, "share: '%s'", share_dir);
	root_fd = openat(share_fd, "rootfs", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root_fd < 0)
		return err_sys(e, -errno, "share: '%s/rootfs'", share_dir);
	for (size_t i = 0; i < count; i++) {
		if (!binds[i].is_covered && !binds[i].ret_is_socket &&
		    share_enter_bind(root_fd, share_fd, i, &binds[i]) < 0)
			skipped++;
	}
	r = share_enter_proc(root_fd, e);
	if (r < 0)
		return r;
	r = share_pivot(root_fd, e);
	if (r == 0 && ret_skipped)
		*ret_skipped = skipped;
	return r;
}
