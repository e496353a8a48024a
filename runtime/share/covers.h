/* Empty directories and files over what is mounted in a part of the share. */
#ifndef VMRT_SHARE_COVERS_H
#define VMRT_SHARE_COVERS_H

#include "lib/err.h"

/* The directory and the file that covers are made of, in the share's own tmpfs. 0 or -errno. */
int covers_make(int top) VMRT_MUST_CHECK;

/* Covers, in `top`/`name`, the mounts that are below `source` on the host: the outermost, which
 * hide the others. */
int covers_place(int top, const char *name, const char *source, struct err *e) VMRT_MUST_CHECK;

#endif
