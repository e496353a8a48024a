/* Making a guest's OOM visible to engines, which look at the container's cgroup on the host. */
#ifndef VMRT_CGROUP_OOM_H
#define VMRT_CGROUP_OOM_H

#include <sys/types.h>

#include "runtime/cgroup/host.h"

#define CGROUP_OOM_TEXT_BYTES 32

/* One event that is being made. */
struct cgroup_oom {
	pid_t victim;			   /* 0: none */
	char limit[CGROUP_OOM_TEXT_BYTES]; /* what the files had before; "": left alone */
	char swapping[CGROUP_OOM_TEXT_BYTES];
};

/* The directory whose memory events engines watch, and nothing but it; -1 (or another negative
 * number): the host has none. */
int cgroup_oom_open(const struct cgroup_host *h);

/* Makes the kernel kill a process for want of memory in that cgroup: `victim`, a child of the
 * caller's that exists for that. Until cgroup_oom_end() the cgroup's limit is lowered: nothing
 * else in it may need memory meanwhile, so whoever does has to be stopped. `rival_bytes`: the
 * resident size of the largest process in it, which the kernel must not prefer. 0 or -errno. */
int cgroup_oom_begin(int memory_dirfd, uint64_t rival_bytes,
		     struct cgroup_oom *ret) VMRT_MUST_CHECK;
/* Gives the cgroup its limit back. `status` is the victim's wait status. 0, or -EAGAIN: it was not
 * killed, there has been no event. */
int cgroup_oom_end(int memory_dirfd, struct cgroup_oom *o, int status) VMRT_MUST_CHECK;

#endif
