/* Opening disks. Must not look at what is on them: QEMU is told that they are raw, as a format that
 * is guessed is one that the guest can forge. */
#include "vmrun/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/strv.h"

#define DISKS_MODE	    0660
#define DISKS_MINOR_LAST    1048575 /* of 20 bits */
#define DISKS_QCOW2_MAGIC   "QFI\xfb"
#define DISKS_LOOP_ATTEMPTS 64 /* others look for a free one, too */

static int disks_attach(int control, int file, bool is_readonly, int *ret_fd)
{
	struct loop_config config = {
		.fd = (unsigned int)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | (is_readonly ? LO_FLAGS_READ_ONLY : 0u),
	};
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	auto_free char *path = xasprintf("/dev/loop%d", number);
	auto_close int fd = -1;

	if (number < 0)
		return -errno;
	fd = open(path, (is_readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static int disks_make_loop(int file, bool is_readonly, int *ret_fd)
{
	auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int r = control < 0 ? -errno : -EBUSY;

	for (int i = 0; i < DISKS_LOOP_ATTEMPTS && r == -EBUSY; i++)
		r = disks_attach(control, file, is_readonly, ret_fd);
	return r;
}

/* The last of loop devices' numbers. */
static int disks_take_file(struct disks_one *one, const char *path, unsigned int index,
			   struct err *e)
{
	one->file = realpath(path, NULL);
	if (!one->file)
		return err_sys(e, -errno, "option --disk: '%s'", path);
	if (strchr(one->file, '\n'))
		return err_set(e, -EINVAL, "option --disk: '%s' has a line break", path);
	one->major = LOOP_MAJOR;
	one->minor = DISKS_MINOR_LAST - index;
	return 0;
}

static int disks_check_format(int fd, const char *path, struct err *e)
{
	char magic[4] = "";

	if (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	    !memcmp(magic, DISKS_QCOW2_MAGIC, sizeof(magic)))
		return err_set(e, -ENOTSUP,
			       "option --disk: '%s' is qcow2: only raw disks can be used", path);
	return 0;
}

static int disks_add(struct disks *d, const char *path, bool is_readonly, struct err *e)
{
	struct disks_one *one = &d->at[d->count];
	auto_close int fd = open(path, (is_readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "option --disk: '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, -ENOTBLK,
			       "option --disk: '%s' is neither a file nor a block device", path);
	r = disks_check_format(fd, path, e);
	if (r < 0)
		return r;
	*one = (struct disks_one){.fd = -1, .is_readonly = is_readonly};
	if (geteuid() != 0 && S_ISREG(st.st_mode)) {
		r = disks_take_file(one, path, (unsigned int)d->count, e);
		d->count++;
		return r;
	}
	/* A loop device that is read-only is so for QEMU and the guest, whatever is behind it. */
	if (S_ISBLK(st.st_mode) && !is_readonly)
		one->fd = take_fd(fd);
	else
		r = disks_make_loop(fd, is_readonly, &one->fd);
	if (r < 0 || fstat(one->fd, &st) < 0)
		return err_sys(e, r < 0 ? r : -errno, "making a loop device of '%s'", path);
	one->major = major(st.st_rdev);
	one->minor = minor(st.st_rdev);
	d->count++;
	return 0;
}

int disks_open(const struct option_list *wanted, struct disks *ret, struct err *e)
{
	int r = 0;

	if (wanted->count > DISKS_MAX)
		return err_set(e, -E2BIG, "option --disk: more than %d disks", DISKS_MAX);
	for (size_t i = 0; !r && i < wanted->count; i++) {
		auto_free char *path = xstrdup(wanted->at[i]);
		size_t size = strlen(path);
		bool is_readonly = size > 3 && !strcmp(path + size - 3, ":ro");

		if (is_readonly)
			path[size - 3] = '\0';
		r = disks_add(ret, path, is_readonly, e);
	}
	return r;
}

void disks_done(struct disks *d)
{
	for (size_t i = 0; i < d->count; i++) {
		fd_close(&d->at[i].fd);
		free(d->at[i].file);
	}
	d->count = 0;
}

static void disks_put_number(struct json_out *out, const struct disks_one *one)
{
	json_out_string(out, "type", "b");
	json_out_u64(out, "major", one->major);
	json_out_u64(out, "minor", one->minor);
}

void disks_put_files(struct json_out *out, const struct disks *d)
{
	auto_strv struct strv lines = {0};
	auto_free char *text = NULL;

	for (size_t i = 0; i < d->count; i++) {
		const struct disks_one *one = &d->at[i];

		if (one->file)
			strv_pushf(&lines, "%u:%u%s=%s", one->major, one->minor,
				   one->is_readonly ? ":ro" : "", one->file);
	}
	if (!lines.count)
		return;
	text = strv_join((const char *const *)lines.at, lines.count, "\n");
	json_out_string(out, "io.vmrt.disks", text);
}

void disks_put_devices(struct json_out *out, const struct disks *d)
{
	char path[] = "/dev/vda";

	json_out_array(out, "devices");
	for (size_t i = 0; i < d->count; i++) {
		path[sizeof(path) - 2] = (char)('a' + i);
		json_out_object(out, NULL);
		json_out_string(out, "path", path);
		disks_put_number(out, &d->at[i]);
		json_out_u64(out, "fileMode", DISKS_MODE);
		json_out_end(out);
	}
	json_out_end(out);
}

void disks_put_rules(struct json_out *out, const struct disks *d)
{
	for (size_t i = 0; i < d->count; i++) {
		json_out_object(out, NULL);
		json_out_bool(out, "allow", true);
		disks_put_number(out, &d->at[i]);
		json_out_string(out, "access", "rwm");
		json_out_end(out);
	}
}
