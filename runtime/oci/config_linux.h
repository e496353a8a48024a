/* linux of config.json without its resources. See config.h. */
#ifndef VMRT_OCI_CONFIG_LINUX_H
#define VMRT_OCI_CONFIG_LINUX_H

#include "runtime/oci/config_resources.h"

struct oci_id_mapping {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct oci_id_mappings {
	size_t count;
	struct oci_id_mapping *at;
};

struct oci_namespace {
	enum oci_ns type;
	const char *name; /* as in the file */
	const char *path; /* NULL: a new namespace */
};

struct oci_device {
	char type; /* 'b', 'c' ('u' in the file too) or 'p' */
	const char *path;
	int64_t major;
	int64_t minor;
	struct oci_opt_u32 file_mode;
	struct oci_opt_u32 uid;
	struct oci_opt_u32 gid;
};

struct oci_net_device {
	const char *host_name;
	const char *name; /* NULL: the same */
};

struct oci_time_offset {
	const char *clock; /* "monotonic", "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_seccomp_arg {
	uint32_t index; /* 0–5 */
	enum oci_seccomp_op op;
	uint64_t value;
	uint64_t value_two;
};

struct oci_seccomp_rule {
	struct oci_strings names;
	enum oci_seccomp_action action;
	struct oci_opt_u32 errno_ret;
	size_t arg_count;
	struct oci_seccomp_arg *args;
};

struct oci_seccomp {
	enum oci_seccomp_action default_action;
	struct oci_opt_u32 default_errno_ret;
	size_t arch_count;
	uint32_t *archs; /* SCMP_ARCH_* */
	bool has_flags;	 /* false: the runtime's default, which is not the empty set */
	uint32_t flags;	 /* SECCOMP_FILTER_FLAG_* */
	const char *listener_path;
	const char *listener_metadata;
	size_t rule_count;
	struct oci_seccomp_rule *rules;
};

struct oci_intel_rdt {
	const char *clos_id;
	struct oci_strings schemata;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
	bool enable_cmt;
	bool enable_mbm;
	bool enable_monitoring;
};

struct oci_memory_policy {
	uint32_t mode;	   /* MPOL_* */
	uint32_t flags;	   /* MPOL_F_* */
	const char *nodes; /* "0-1" */
};

struct oci_linux {
	struct oci_id_mappings uid_mappings;
	struct oci_id_mappings gid_mappings;
	size_t time_offset_count;
	struct oci_time_offset *time_offsets;
	struct oci_pairs sysctl;
	struct oci_resources *resources; /* NULL: absent */
	const char *cgroups_path;
	size_t namespace_count;
	struct oci_namespace *namespaces;
	size_t device_count;
	struct oci_device *devices;
	size_t net_device_count;
	struct oci_net_device *net_devices;
	struct oci_seccomp *seccomp; /* NULL: absent or without any content */
	uint64_t rootfs_propagation; /* MS_*, 0: absent */
	struct oci_strings masked_paths;
	struct oci_strings readonly_paths;
	const char *mount_label;
	struct oci_intel_rdt *intel_rdt; /* NULL: absent */
	bool has_personality;
	uint64_t personality;			 /* PER_* */
	struct oci_memory_policy *memory_policy; /* NULL: absent */
};

#endif
