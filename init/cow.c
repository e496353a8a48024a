/* The overlay that keeps changes out of the share. Must not know which directories get one.
 *
 * The tmpfs of the upper layer has no path of its own once the overlay holds it: nothing in the
 * container can reach past the overlay. */
#include "init/cow.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/machine.h"

#define COW_UPPER_DIR  MACHINE_SCRATCH_DIR "/upper"
#define COW_WORK_DIR   MACHINE_SCRATCH_DIR "/work"
#define COW_DATA_BYTES 512

/* The root of an overlay has the attributes of its upper directory. */
static int cow_make_layers(const char *lower)
{
	struct stat st;

	if (stat(lower, &st) < 0 || mkdir(COW_WORK_DIR, 0700) < 0 || mkdir(COW_UPPER_DIR, 0700) < 0)
		return -errno;
	if (chown(COW_UPPER_DIR, st.st_uid, st.st_gid) < 0 ||
	    chmod(COW_UPPER_DIR, st.st_mode & 07777) < 0)
		return -errno;
	return 0;
}

/* redirect_dir: a directory of the lower layer can be renamed. volatile: there is nothing that a
 * sync would have to save. */
static int cow_mount_overlay(const char *lower, const char *target)
{
	char data[COW_DATA_BYTES];
	int n = snprintf(data, sizeof(data),
			 "lowerdir=%s,upperdir=" COW_UPPER_DIR ",workdir=" COW_WORK_DIR
			 ",redirect_dir=on,volatile",
			 lower);

	if (n >= (int)sizeof(data))
		return -ENAMETOOLONG;
	return mount("overlay", target, "overlay", 0, data) < 0 ? -errno : 0;
}

int cow_mount(const char *lower, const char *target)
{
	int r;

	if (mount("tmpfs", MACHINE_SCRATCH_DIR, "tmpfs", 0, "mode=0700") < 0)
		return -errno;
	r = cow_make_layers(lower);
	if (r == 0)
		r = cow_mount_overlay(lower, target);
	umount2(MACHINE_SCRATCH_DIR, MNT_DETACH);
	return r;
}
