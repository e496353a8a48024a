/* Making a guest's OOM visible to engines, which look at the container's cgroup on the host. */
#ifndef VMRT_CGROUP_OOM_H
#define VMRT_CGROUP_OOM_H

#include "runtime/cgroup/host.h"

/* The directory whose memory events engines watch; -1: the host has none. */
int cgroup_oom_open(const struct cgroup_host *h);

/* Makes the kernel kill a process for want of memory in that cgroup: a child of the caller's that
 * exists for that. The cgroup's limit is lowered meanwhile: nothing else in it may need memory any
 * more. Takes milliseconds. 0 or -errno. */
int cgroup_oom_raise(int memory_dirfd) VMRT_MUST_CHECK;

#endif
