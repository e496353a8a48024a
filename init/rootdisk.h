/* A root file system that is on a disk of the machine's (vm.image). */
#ifndef VMRT_INIT_ROOTDISK_H
#define VMRT_INIT_ROOTDISK_H

#include "lib/err.h"
#include "lib/guest.h"

/* Mounts it over the share's rootfs, in init's namespace and outside of the container's cgroup,
 * whose rules on devices are not about it. Without a partition in the description: the one file
 * system that has /etc and /usr or /bin, on a partition or on the whole disk; more than one, or
 * none, is an error that says which there are. Does nothing for a container with another root. */
int rootdisk_mount(const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

/* Before the machine goes off: a journal that is not closed would have to be replayed. */
void rootdisk_release(void);

#endif
