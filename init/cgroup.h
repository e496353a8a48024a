/* The container's cgroup. */
#ifndef VMRT_INIT_CGROUP_H
#define VMRT_INIT_CGROUP_H

#include "lib/err.h"
#include "lib/guest.h"

/* Mounts cgroup2 for init and makes the container's child cgroup with every controller there is,
 * its limits and its device filter. The descriptor is for clone3(CLONE_INTO_CGROUP). */
int cgroup_make(const struct guest_container *c, int *ret_fd, struct err *e) VMRT_MUST_CHECK;

#endif
