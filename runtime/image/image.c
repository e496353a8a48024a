/* Reading an image's header and describing it to QEMU. Must not write to it. */
#include "runtime/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/image/qcow2.h"

#define IMAGE_SECTOR_BYTES 512
#define IMAGE_SIGNATURE	   510 /* of a boot sector: 55 aa */
#define IMAGE_HEADER_BYTES 512
/* Of the file descriptor sets; disks of config.json have the first numbers. */
#define IMAGE_FDSET	    90
#define IMAGE_OVERLAY_FDSET 91

/* What people have beside raw and qcow2; told apart so that the message can say what it is. */
static const struct {
	const char *magic;
	size_t size;
	const char *name;
} image_foreign[] = {
	{"KDMV", 4, "a VMDK image"},
	{"# Disk Descriptor", 17, "a VMDK image"},
	{"vhdxfile", 8, "a VHDX image"},
	{"conectix", 8, "a VHD image"},
	{"<<< ", 4, "a VDI image"},
	{"QED", 4, "a QED image"},
	{"\x1f\x8b", 2, "compressed"},
	{"\xfd"
	 "7zXZ",
	 5, "compressed"},
	{"\x28\xb5\x2f\xfd", 4, "compressed"},
	{"BZh", 3, "compressed"},
	{"PK\x03\x04", 4, "an archive"},
};

static int image_check_foreign(const char *path, const unsigned char *header, struct err *e)
{
	for (size_t i = 0; i < sizeof(image_foreign) / sizeof(*image_foreign); i++) {
		if (!memcmp(header, image_foreign[i].magic, image_foreign[i].size))
			return err_set(e, -EMEDIUMTYPE,
				       "'%s' is %s: only qcow2 and raw disk images can be used "
				       "('qemu-img convert' makes one)",
				       path, image_foreign[i].name);
	}
	return 0;
}

static int image_read_raw_size(struct image *image, const struct stat *st)
{
	image->size_bytes = (uint64_t)st->st_size;
	if (image->is_block && ioctl(image->fd, BLKGETSIZE64, &image->size_bytes) < 0)
		return -errno;
	return 0;
}

static int image_read_header(struct image *image, const char *path, struct err *e)
{
	unsigned char header[IMAGE_HEADER_BYTES] = {0};
	ssize_t n = pread(image->fd, header, sizeof(header), 0);
	int r;

	if (n < 0)
		return err_set(e, -errno, "'%s': %s", path, strerror(errno));
	if (qcow2_is(header)) {
		image->format = IMAGE_QCOW2;
		r = qcow2_read_header(header, (size_t)n, &image->size_bytes, e);
		return r < 0 ? err_prefix(e, r, "'%s'", path) : 0;
	}
	r = image_check_foreign(path, header, e);
	if (r < 0)
		return r;
	if (!image->size_bytes || image->size_bytes % IMAGE_SECTOR_BYTES)
		return err_set(e, -EMEDIUMTYPE,
			       "'%s' is no disk image: neither qcow2 nor of a whole number of "
			       "sectors",
			       path);
	return 0;
}

int image_open(const char *path, bool is_writable, struct image *ret, struct err *e)
{
	int flags = (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat st;
	int r;

	*ret = (struct image){.fd = -1, .overlay_fd = -1, .is_writable = is_writable};
	ret->fd = open(path, flags);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return err_set(e, -errno, "'%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, -EMEDIUMTYPE, "'%s' is neither a file nor a block device", path);
	ret->is_block = S_ISBLK(st.st_mode);
	r = image_read_raw_size(ret, &st);
	if (r < 0)
		return err_set(e, r, "'%s': %s", path, strerror(-r));
	return image_read_header(ret, path, e);
}

int image_check_bootable(const struct image *image, const char *path, struct err *e)
{
	unsigned char signature[2] = "";

	/* What a qcow2 has in its first sector only QEMU knows. */
	if (image->format != IMAGE_RAW)
		return 0;
	if (pread(image->fd, signature, sizeof(signature), IMAGE_SIGNATURE) !=
		    (ssize_t)sizeof(signature) ||
	    signature[0] != 0x55 || signature[1] != 0xaa)
		return err_set(e, -EMEDIUMTYPE, "'%s' is no disk that boots: it has no boot sector",
			       path);
	return 0;
}

void image_done(struct image *image)
{
	fd_close(&image->fd);
	fd_close(&image->overlay_fd);
}

/* Without an overlay the image is the node itself. Its names of other files are overruled as well:
 * "backing": null. */
static void image_push_base(const struct image *image, const char *node, struct strv *argv)
{
	const char *readonly = image->is_writable ? "false" : "true";
	bool is_raw = image->format == IMAGE_RAW;

	strv_push(argv, "-blockdev");
	strv_pushf(argv,
		   "{\"driver\":\"%s\",\"node-name\":\"%s\",\"filename\":\"/dev/fdset/%d\","
		   "\"read-only\":%s,\"discard\":\"unmap\"}",
		   image->is_block ? "host_device" : "file", is_raw ? node : "image-file",
		   IMAGE_FDSET, readonly);
	if (is_raw)
		return;
	strv_push(argv, "-blockdev");
	strv_pushf(argv,
		   "{\"driver\":\"qcow2\",\"node-name\":\"%s\",\"file\":\"image-file\","
		   "\"backing\":null,\"read-only\":%s,\"discard\":\"unmap\"}",
		   node, readonly);
}

void image_push_blockdevs(const struct image *image, int first_fd, struct strv *argv)
{
	bool has_overlay = image->overlay_fd >= 0;

	strv_push(argv, "-add-fd");
	strv_pushf(argv, "fd=%d,set=%d", first_fd, IMAGE_FDSET);
	image_push_base(image, has_overlay ? "image-base" : IMAGE_NODE, argv);
	if (!has_overlay)
		return;
	strv_push(argv, "-add-fd");
	strv_pushf(argv, "fd=%d,set=%d", first_fd + 1, IMAGE_OVERLAY_FDSET);
	strv_push(argv, "-blockdev");
	/* Nobody reads it after a crash: flushes may be skipped. */
	strv_pushf(argv,
		   "{\"driver\":\"file\",\"node-name\":\"overlay-file\","
		   "\"filename\":\"/dev/fdset/%d\",\"cache\":{\"no-flush\":true},"
		   "\"discard\":\"unmap\"}",
		   IMAGE_OVERLAY_FDSET);
	strv_push(argv, "-blockdev");
	strv_push(argv, "{\"driver\":\"qcow2\",\"node-name\":\"" IMAGE_NODE "\","
			"\"file\":\"overlay-file\",\"backing\":\"image-base\","
			"\"cache\":{\"no-flush\":true},\"discard\":\"unmap\"}");
}

size_t image_give_fds(const struct image *image, int first_fd, struct spawn_fd fds[IMAGE_FD_COUNT])
{
	fds[0] = (struct spawn_fd){image->fd, first_fd};
	if (image->overlay_fd < 0)
		return 1;
	fds[1] = (struct spawn_fd){image->overlay_fd, first_fd + 1};
	return 2;
}
