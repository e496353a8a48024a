/* The container's root file system. Must not know the mounts inside it. */
#include "init/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/cow.h"
#include "init/inroot.h"
#include "init/machine.h"
#include "init/mounts.h"
#include "init/wording.h"
#include "lib/fd.h"

static int root_mount(const struct guest_container *c)
{
	static const char from[] = MACHINE_SHARE_DIR "/rootfs";

	if (c->is_root_cow)
		return cow_mount(from, MACHINE_ROOT_DIR, c->has_foreign_files);
	return mount(from, MACHINE_ROOT_DIR, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

int root_prepare(const struct guest_container *c, int *ret_fd, struct err *e)
{
	int r;

	/* Nothing that happens here may reach init's namespace; the other direction has no use. */
	if (mount("", "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return err_sys(e, -errno, "guest: making mounts private");
	r = root_mount(c);
	if (r < 0)
		return err_sys(e, r, "guest: the share's root file system");
	*ret_fd = open(MACHINE_ROOT_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(e, -errno, "guest: the container's root") : 0;
}

int root_make_readonly(int root_fd, struct err *e)
{
	char path[MOUNTS_FD_PATH_BYTES];

	mounts_fd_path(path, root_fd);
	if (mount("", path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return err_set(e, -errno, "error setting rootfs as readonly: %s",
			       wording_errno(errno));
	return 0;
}

/* A bind remount replaces all flags of a mount: these are the ones it has. */
static unsigned long root_mount_flags(int fd)
{
	static const struct {
		unsigned long st;
		unsigned long ms;
	} map[] = {
		{ST_NOSUID, MS_NOSUID},		{ST_NODEV, MS_NODEV},	    {ST_NOEXEC, MS_NOEXEC},
		{ST_NOATIME, MS_NOATIME},	{ST_RELATIME, MS_RELATIME}, {ST_RDONLY, MS_RDONLY},
		{ST_NODIRATIME, MS_NODIRATIME},
	};
	struct statvfs st;
	unsigned long flags = 0;

	if (fstatvfs(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		if (st.f_flag & map[i].st)
			flags |= map[i].ms;
	}
	return flags;
}

static int root_bind_readonly(int root_fd, const char *path)
{
	auto_close int fd = inroot_open(root_fd, path, O_PATH);
	auto_close int top = -1;
	char proc[MOUNTS_FD_PATH_BYTES];

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	mounts_fd_path(proc, fd);
	if (mount(proc, proc, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	top = inroot_open(root_fd, path, O_PATH);
	if (top < 0)
		return top;
	mounts_fd_path(proc, top);
	if (mount("", proc, NULL, MS_BIND | MS_REC | MS_REMOUNT | MS_RDONLY | root_mount_flags(top),
		  NULL) < 0)
		return -errno;
	return 0;
}

int root_protect_path(int root_fd, const char *path, struct err *e)
{
	int r = root_bind_readonly(root_fd, path);
	char quoted[ERR_TEXT_BYTES];

	if (r < 0)
		return err_set(e, r, "can't make %s read-only: %s",
			       wording_quote(quoted, sizeof(quoted), path), wording_errno(-r));
	return 0;
}

/* The container's /dev/null if it is one, else the machine's. */
static void root_null_path(int root_fd, int *ret_fd, char proc[MOUNTS_FD_PATH_BYTES])
{
	struct stat st;

	*ret_fd = inroot_open(root_fd, "/dev/null", O_PATH | O_NOFOLLOW);
	if (*ret_fd >= 0 && !fstat(*ret_fd, &st) && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(1, 3))
		mounts_fd_path(proc, *ret_fd);
	else
		snprintf(proc, MOUNTS_FD_PATH_BYTES, "/dev/null");
}

static int root_cover(int root_fd, const char *path)
{
	auto_close int fd = inroot_open(root_fd, path, O_PATH);
	auto_close int null_fd = -1;
	char proc[MOUNTS_FD_PATH_BYTES];
	char null[MOUNTS_FD_PATH_BYTES];
	struct stat st;
	int r;

	/* runc skips what is not there; a parent that is a file is no way to it either. */
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	mounts_fd_path(proc, fd);
	if (S_ISDIR(st.st_mode)) {
		r = mount("tmpfs", proc, "tmpfs", MS_RDONLY, "");
	} else {
		root_null_path(root_fd, &null_fd, null);
		r = mount(null, proc, NULL, MS_BIND, NULL);
	}
	return r < 0 ? -errno : 0;
}

int root_mask_path(int root_fd, const char *path, struct err *e)
{
	int r = root_cover(root_fd, path);

	if (r < 0)
		return err_set(e, r, "can't mask path %s: %s", path, wording_errno(-r));
	return 0;
}

/* The initramfs is the one file system pivot_root() cannot put away, and needs not: its mounts
 * are detached, and the container's root is moved over its root directory. From there nothing
 * leads below: ".." at the root of a mount goes up to the directory that is covered and down again
 * to what covers it, and /proc/self/mountinfo shows what is reachable. Init's mounts of the
 * namespace it came from stay, as they are copies. */
int root_enter(int root_fd, uint64_t propagation, struct err *e)
{
	static const char *const ours[] = {MACHINE_SHARE_DIR, MACHINE_CGROUP_DIR, "/sys", "/dev",
					   "/proc"};

	if (fchdir(root_fd) < 0)
		return err_sys(e, -errno, "guest: the container's root");
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		/* EINVAL: was not mounted */
		if (umount2(ours[i], MNT_DETACH) < 0 && errno != EINVAL)
			return err_sys(e, -errno, "guest: detaching %s", ours[i]);
	}
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_set(e, -errno, "error jailing process inside rootfs: %s",
			       wording_errno(errno));
	if (propagation && !(propagation & MS_PRIVATE) &&
	    mount("", "/", NULL, (unsigned long)propagation, NULL) < 0)
		return err_set(e, -errno, "unable to apply root propagation flags: %s",
			       wording_errno(errno));
	return 0;
}
