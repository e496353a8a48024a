/* The two ways to a container's cgroup on the host: made by vmrt itself, or a unit of systemd's.
 *
 *   cgroupfs   directories at cgroupsPath, made, filled and removed by us
 *   systemd    a transient scope, made by systemd, filled and entered by us, stopped by us */
#ifndef VMRT_CGROUP_DRIVER_H
#define VMRT_CGROUP_DRIVER_H

#include "runtime/cgroup/host.h"

struct cgroup_request {
	bool want_systemd;
	const char *path; /* cgroupsPath; NULL: none */
	const char *id;
	const struct oci_resources *resources; /* NULL: none */
	const struct oci_pairs *annotations;
	struct cgroup_overhead overhead;
	int state_dirfd; /* gets what cgroup_driver_remove() needs */
};

/* Makes the cgroup with its limits. `ret_holder_pidfd` is a process that keeps an empty scope
 * alive, -1 if none is needed: spawn_kill() it when the monitor has entered, or on failure.
 * On failure something may be left: remove. */
int cgroup_driver_make(const struct cgroup_request *q, struct cgroup_host *ret,
		       int *ret_holder_pidfd, struct err *e) VMRT_MUST_CHECK;
/* Changes the limits of a container that exists: all, or on failure none. `ret_kept` is for
 * cgroup_host_restore() and owned by the caller: cgroup_pairs_done(). */
int cgroup_driver_update(int state_dirfd, const struct oci_resources *r,
			 const struct cgroup_overhead *overhead, struct guest_pairs *ret_kept,
			 struct err *e) VMRT_MUST_CHECK;
/* Removes what is left of it, of whichever driver. 0 with nothing left, else -errno. */
int cgroup_driver_remove(int state_dirfd, struct err *e) VMRT_MUST_CHECK;

#endif
