/* What --root names: a directory, a bundle, or the archive of an image. */
#ifndef VMRUN_IMAGE_H
#define VMRUN_IMAGE_H

#include <stdbool.h>

#include "lib/err.h"
#include "runtime/proc/strv.h"

/* All strings are owned. Beside `root` all is what a bundle's or an image's configuration says, and
 * empty for others. */
struct image {
	char *root;
	struct strv env;
	struct strv args;
	char *workdir;
	char *user;
	char *mount; /* where the archive was unpacked; NULL: nowhere */
};

/* An archive is unpacked into memory: a file system in a mount namespace that the caller enters
 * here and that goes with its processes, whatever ends them. */
int image_open(const char *path, const char *dir, struct image *ret, struct err *e) VMRT_MUST_CHECK;
/* Is it an archive? What is in it is not there for long. */
bool image_is_archive(const char *path);
void image_done(struct image *image);

#endif
