/* The layer that takes a guest's writes. It has no name: whatever happens, nothing is left of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/image/image.h"
#include "runtime/image/qcow2.h"

#define OVERLAY_DIR_DEFAULT "/var/tmp" /* on a disk, where /tmp may be memory */

/* Not every file system has nameless files. */
static int overlay_open_named(const char *dir)
{
	auto_free char *path = xasprintf("%s/vmrt-overlay-XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0)
		unlink(path);
	return fd;
}

int image_cover(struct image *image, struct err *e)
{
	const char *asked = getenv("TMPDIR");
	const char *dir = asked && *asked ? asked : OVERLAY_DIR_DEFAULT;
	int r;

	image->overlay_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (image->overlay_fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		image->overlay_fd = overlay_open_named(dir);
	if (image->overlay_fd < 0)
		return err_sys(e, -errno, "making a temporary file in '%s'", dir);
	r = qcow2_write_empty(image->overlay_fd, image->size_bytes);
	return r < 0 ? err_sys(e, r, "writing to a temporary file in '%s'", dir) : 0;
}
