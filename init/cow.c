/* The overlay that keeps changes out of the share. Must not know which directories get one.
 *
 * The tmpfs of the upper layer has no path of its own once the overlay holds it: nothing in the
 * container can reach past the overlay. */
#include "init/cow.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/machine.h"

#define COW_UPPER_DIR  MACHINE_SCRATCH_DIR "/upper"
#define COW_WORK_DIR   MACHINE_SCRATCH_DIR "/work"
#define COW_PLAIN_DIR  MACHINE_SCRATCH_DIR "/plain"
#define COW_EMPTY_DIR  MACHINE_SCRATCH_DIR "/empty"
#define COW_DATA_BYTES 512

/* The root of an overlay has the attributes of its topmost directory. */
static int cow_make_top(const char *lower, const char *path)
{
	struct stat st;

	if (stat(lower, &st) < 0 || mkdir(path, 0700) < 0 ||
	    chown(path, st.st_uid, st.st_gid) < 0 || chmod(path, st.st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static int cow_make_layers(const char *lower)
{
	return mkdir(COW_WORK_DIR, 0700) < 0 ? -errno : cow_make_top(lower, COW_UPPER_DIR);
}

/* redirect_dir: a directory of the lower layer can be renamed. volatile: there is nothing that a
 * sync would have to save. */
static int cow_mount_overlay(const char *lower, const char *target, unsigned long flags)
{
	char data[COW_DATA_BYTES];
	int n = snprintf(data, sizeof(data),
			 "lowerdir=%s,upperdir=" COW_UPPER_DIR ",workdir=" COW_WORK_DIR
			 ",redirect_dir=on,volatile",
			 lower);

	if (n >= (int)sizeof(data))
		return -ENAMETOOLONG;
	return mount("overlay", target, "overlay", flags, data) < 0 ? -errno : 0;
}

/* An effective capability of this process, on or off. */
static int cow_set_fowner(bool is_wanted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	if (is_wanted)
		data[0].effective |= 1u << CAP_FOWNER;
	else
		data[0].effective &= ~(1u << CAP_FOWNER);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* The overlay opens files of its lower layer with O_NOATIME if who mounts it may do that to
 * anybody's; the share's server may not. An overlay in between, without an upper layer, mounted
 * without the capability, leaves the flag out. It needs a second layer, above: of the last one the
 * overlay asks no attributes, which the server could not read of a directory that is closed. */
static int cow_mount_plain(const char *lower)
{
	char data[COW_DATA_BYTES];
	int n = snprintf(data, sizeof(data), "lowerdir=" COW_EMPTY_DIR ":%s", lower);
	int r = cow_make_top(lower, COW_EMPTY_DIR);

	if (n >= (int)sizeof(data))
		return -ENAMETOOLONG;
	if (r == 0 && mkdir(COW_PLAIN_DIR, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = cow_set_fowner(false);
	if (r < 0)
		return r;
	if (mount("overlay", COW_PLAIN_DIR, "overlay", MS_RDONLY, data) < 0)
		r = -errno;
	else
		r = 0;
	return cow_set_fowner(true) < 0 ? -EPERM : r;
}

/* Set-user-ID programs of the host's root are nobody's here, and would take rights from root. */
int cow_mount(const char *lower, const char *target, bool has_foreign_files)
{
	int r;

	if (mount("tmpfs", MACHINE_SCRATCH_DIR, "tmpfs", 0, "mode=0700") < 0)
		return -errno;
	r = cow_make_layers(lower);
	if (r == 0 && has_foreign_files)
		r = cow_mount_plain(lower);
	if (r == 0)
		r = has_foreign_files ? cow_mount_overlay(COW_PLAIN_DIR, target, MS_NOSUID)
				      : cow_mount_overlay(lower, target, 0);
	umount2(MACHINE_SCRATCH_DIR, MNT_DETACH);
	return r;
}
