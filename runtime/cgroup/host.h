/* The host's cgroup of a container: its monitor, QEMU and virtiofsd.
 *
 *   find ── dirs ──> save (state directory) ──> make ──> limit ──> enter (the monitor itself) …
 * remove
 *
 * Works on v1, hybrid and v2. The limits are those of config.json with what the VM needs for itself
 * on top: the guest enforces the exact ones, the host's keep the VM as a whole in bounds. */
#ifndef VMRT_CGROUP_HOST_H
#define VMRT_CGROUP_HOST_H

#include "runtime/cgroup/cgroup.h"

#define CGROUP_HOST_MAX 32

struct cgroup_host_dir {
	char *path;	   /* absolute */
	char *mount;	   /* the mount point it is below: nothing above is ours */
	char *controllers; /* of v1, comma-separated; "" for the unified hierarchy */
	bool is_saved;	   /* cgroup_host_load() */
};

struct cgroup_host {
	bool is_v2;    /* controllers are in the unified hierarchy */
	bool is_users; /* of a user who may lack rights to it: see cgroup_host_keep_own() */
	size_t count;
	struct cgroup_host_dir at[CGROUP_HOST_MAX];
};

/* What a VM needs beyond its container's limits. */
struct cgroup_overhead {
	uint64_t memory_bytes;
	uint64_t cpu_percent; /* of one CPU */
	uint64_t pids;
};

/* Where the cgroups will be: `cgroups_path` of config.json, NULL: a child of the caller's cgroup
 * named like the container. Absolute below each hierarchy's mount point, relative below the
 * caller's own cgroup. No hierarchy at all is fine: count 0. Free with cgroup_host_done(). */
int cgroup_host_find(const char *cgroups_path, const char *id, struct cgroup_host *ret,
		     struct err *e) VMRT_MUST_CHECK;
void cgroup_host_done(struct cgroup_host *h);

/* delegated.c. In a user's namespace: drops the hierarchies in which the user cannot make the
 * cgroup. Limits hold in the VM then. Elsewhere does nothing: what cannot be made is an error. */
void cgroup_host_keep_own(struct cgroup_host *h);

/* Makes the directories with their missing parents. On failure some are left: remove. */
int cgroup_host_make(const struct cgroup_host *h, struct err *e) VMRT_MUST_CHECK;
/* `r` may be NULL. A file the host's kernel does not have is left out: the guest has the limit. */
int cgroup_host_limit(const struct cgroup_host *h, const struct oci_resources *r,
		      const struct cgroup_overhead *overhead, struct err *e) VMRT_MUST_CHECK;
/* Moves the calling process, and so what it starts from now on. */
int cgroup_host_enter(const struct cgroup_host *h, struct err *e) VMRT_MUST_CHECK;

/* Of a container that runs: as saved, found again. Free with cgroup_host_done(). */
int cgroup_host_load(int state_dirfd, struct cgroup_host *ret, struct err *e) VMRT_MUST_CHECK;
/* The values that cgroup_host_limit() would overwrite, as paths and contents, and back again. */
void cgroup_host_keep(const struct cgroup_host *h, const struct oci_resources *r,
		      const struct cgroup_overhead *overhead, struct guest_pairs *ret);
void cgroup_host_restore(const struct guest_pairs *kept);

/* The paths as a file in the state directory, and their removal by it. What is not empty yet is
 * waited for briefly: the kernel takes dead processes out in its own time. 0 or -errno. */
int cgroup_host_save(const struct cgroup_host *h, int state_dirfd, struct err *e) VMRT_MUST_CHECK;
int cgroup_host_remove(int state_dirfd);

/* The files to be written, for v1 or v2; `ret` owns its strings. Pure. */
void cgroup_limits_of_host(const struct oci_resources *r, const struct cgroup_overhead *overhead,
			   bool is_v2, struct guest_pairs *ret);

#endif
