/* The container's mounts. */
#ifndef VMRT_INIT_MOUNTS_H
#define VMRT_INIT_MOUNTS_H

#include "lib/err.h"
#include "lib/guest.h"

#define MOUNTS_FD_PATH_BYTES 32

/* "/proc/self/fd/N": a descriptor as a path for mount(2). Init's own /proc must be in view. */
void mounts_fd_path(char path[MOUNTS_FD_PATH_BYTES], int fd);

/* mount(2) onto `destination`, which is named as in the description and open as `fd`. The error
 * reads like runc's. */
int mounts_call(const char *source, const char *destination, int fd, const char *type,
		uint64_t flags, const char *data, struct err *e) VMRT_MUST_CHECK;

/* All of them in their order; what is asked for read-only and still has to be filled (/dev, every
 * tmpfs) stays writable until mounts_finish(). */
int mounts_apply(int root_fd, const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;
int mounts_finish(int root_fd, const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

/* True when a bind mount covers /dev: then its contents are the user's. */
bool mounts_has_foreign_dev(const struct guest_container *c);

#endif
