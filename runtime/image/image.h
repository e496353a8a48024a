/* Disk images: opening what a stranger made, and a layer of our own over it that takes all writes.
 *
 *   image_open ──> format, size ──> image_cover ──> image_push_blockdevs ──> QEMU's node "image"
 *
 * An image may not name another file (backing file, external data file): that could be any of the
 * host's. QEMU gets descriptors, and could open nothing else in its own root. Must not look at what
 * is on the disk: only QEMU and the guest do. */
#ifndef VMRT_IMAGE_H
#define VMRT_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/proc/spawn.h"
#include "runtime/proc/strv.h"

#define IMAGE_FD_COUNT 2
#define IMAGE_NODE     "image"

enum image_format { IMAGE_RAW, IMAGE_QCOW2, IMAGE_FORMAT_COUNT };

struct image {
	enum image_format format;
	bool is_block; /* a block device of the host's */
	bool is_writable;
	uint64_t size_bytes; /* of the disk that the guest sees */
	int fd;
	int overlay_fd; /* -1: writes go into the image itself */
};

/* Opens an image and reads its header. Messages begin with the path. Close with image_done(), also
 * after a failure. */
int image_open(const char *path, bool is_writable, struct image *ret,
	       struct err *e) VMRT_MUST_CHECK;
/* Fails for a raw image without a boot sector: no firmware would find anything in it. */
int image_check_bootable(const struct image *image, const char *path,
			 struct err *e) VMRT_MUST_CHECK;
/* A file without a name, in $TMPDIR or /var/tmp, that gets what the guest writes. */
int image_cover(struct image *image, struct err *e) VMRT_MUST_CHECK;
void image_done(struct image *image);

/* QEMU's arguments; its descriptors are `first_fd` and the one behind. */
void image_push_blockdevs(const struct image *image, int first_fd, struct strv *argv);
/* The descriptors to spawn with; returns how many. */
size_t image_give_fds(const struct image *image, int first_fd, struct spawn_fd fds[IMAGE_FD_COUNT]);

#endif
