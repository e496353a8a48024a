/* The container's user namespace.
 *
 * Its root file system is put together before, by the machine's root whose new files belong to the
 * container's root: what is mounted and made is the container's as if it had done so itself, and
 * the mounts that hide init's are not the container's to undo. */
#ifndef VMRT_INIT_USERNS_H
#define VMRT_INIT_USERNS_H

#include "lib/err.h"
#include "lib/guest.h"

/* The machine's id for one of the container's; the same without a user namespace. */
uint32_t userns_uid(const struct guest_container *c, uint32_t uid);
uint32_t userns_gid(const struct guest_container *c, uint32_t gid);

/* What the process makes from now on belongs to the container's root. Init's own /proc must be in
 * view. Nothing without a user namespace, as the next. `ret_proc_fd` is for it. */
int userns_begin(const struct guest_container *c, int *ret_proc_fd, struct err *e) VMRT_MUST_CHECK;

/* Enters the new namespace, with mount and UTS namespaces that belong to it. */
int userns_enter(const struct guest_container *c, int proc_fd, struct err *e) VMRT_MUST_CHECK;

#endif
