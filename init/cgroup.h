/* The container's cgroup. */
#ifndef VMRT_INIT_CGROUP_H
#define VMRT_INIT_CGROUP_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/guest.h"

/* True when the container sees a cgroup hierarchy or asks for a cgroup namespace. */
bool cgroup_is_wanted(const struct guest_container *c);

/* Mounts cgroup2 for init and makes the container's child cgroup with every controller there is.
 * The descriptor is for clone3(CLONE_INTO_CGROUP); -1 when no cgroup is wanted. */
int cgroup_make(const struct guest_container *c, int *ret_fd, struct err *e) VMRT_MUST_CHECK;

#endif
