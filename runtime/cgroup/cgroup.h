/* linux.resources as cgroup v2 wants it: file contents and a device program.
 *
 *   struct oci_resources ─┬─ limits.c ────────> "memory.max" = "67108864", ...
 *                         └─ device_filter.c ─> eBPF of type BPF_PROG_TYPE_CGROUP_DEVICE
 *
 * v1-style values are converted as runc converts them. Pure: who writes the files, and where, is
 * somebody else's. */
#ifndef VMRT_CGROUP_H
#define VMRT_CGROUP_H

#include "lib/guest.h"
#include "runtime/oci/config.h"

/* What a rule list without any entry of config.json's already says: runc appends these defaults. */
struct cgroup_device_filter {
	bool is_allow_all; /* nothing is forbidden: no program is needed */
	uint32_t count;
	struct bpf_insn *insns;		     /* owned by the caller: free() */
	uint32_t disk_insns[GUEST_DISK_MAX]; /* as in struct guest_device_filter */
};

/* A block device of the host that is a disk of the VM: the rules are about the host's numbers. */
struct cgroup_disk {
	int64_t major;
	int64_t minor;
};

/* `r` may be NULL: no rules but the defaults. The disks get what the rules say of their numbers on
 * the host, for numbers that are filled in by the guest. Fails for more rules than a program can
 * hold. */
int cgroup_device_filter_build(const struct oci_resources *r, const struct cgroup_disk *disks,
			       size_t disk_count, struct cgroup_device_filter *ret,
			       struct err *e) VMRT_MUST_CHECK;
/* What the rules and the defaults allow: OR of enum oci_device_access. */
uint32_t cgroup_device_access(const struct oci_resources *r, char type, int64_t major,
			      int64_t minor);

/* The files of the container's own cgroup in the guest and their contents, in the order they are to
 * be written. What concerns CPUs, NUMA nodes and devices of the host is not among them: it binds
 * the VM from outside. Fails, naming the member, for a combination that runc refuses. `ret` owns
 * its strings: cgroup_pairs_done(). */
int cgroup_limits_of_guest(const struct oci_resources *r, struct guest_pairs *ret,
			   struct err *e) VMRT_MUST_CHECK;
void cgroup_pairs_done(struct guest_pairs *pairs);

/* CPUs in a list like "0-2,5"; 0 if it is none. */
unsigned int cgroup_cpu_count(const char *list);

#endif
