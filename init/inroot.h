/* Paths inside the container's root: the only way any of them is resolved. The image decides what
 * its links point to; none of them leads out. */
#ifndef VMRT_INIT_INROOT_H
#define VMRT_INIT_INROOT_H

#include <stdbool.h>

/* open(2) with CLOEXEC, absolute links and ".." staying inside `root_fd`. A descriptor, -errno. */
int inroot_open(int root_fd, const char *path, int flags);

/* An O_PATH descriptor of the directory or file `path`, made with its parents (0755) when missing;
 * dangling links are followed and their targets made, as runc does. What exists is not checked
 * for its type. A descriptor or -errno. */
int inroot_make(int root_fd, const char *path, bool is_file);

#endif
