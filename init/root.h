/* The container's root file system: before, around and after its mounts. All of it runs in the
 * container's process, in its mount namespace, while init's file systems are still in view. */
#ifndef VMRT_INIT_ROOT_H
#define VMRT_INIT_ROOT_H

#include "lib/err.h"
#include "lib/guest.h"

/* Puts the share's rootfs in place, under an overlay if the description says so. `ret_fd` gets an
 * O_PATH descriptor of it. */
int root_prepare(const struct guest_container *c, int *ret_fd, struct err *e) VMRT_MUST_CHECK;

int root_make_readonly(int root_fd, struct err *e) VMRT_MUST_CHECK;
int root_protect_path(int root_fd, const char *path, struct err *e) VMRT_MUST_CHECK;
int root_mask_path(int root_fd, const char *path, struct err *e) VMRT_MUST_CHECK;

/* Makes it the process's root and takes init's file systems out of the namespace. `propagation`
 * as in the description. */
int root_enter(int root_fd, uint64_t propagation, struct err *e) VMRT_MUST_CHECK;

#endif
