/* linux.resources of config.json, which is also the whole of `update --resources` FILE.
 *
 * 0 is often as good as absent here (engines send `"shares": 0`): that is for the cgroup code to
 * know. See config.h. */
#ifndef VMRT_OCI_CONFIG_RESOURCES_H
#define VMRT_OCI_CONFIG_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/oci/config_process.h"

struct oci_opt_bool {
	bool has;
	bool value;
};

struct oci_opt_u32 {
	bool has;
	uint32_t value;
};

struct oci_opt_i64 {
	bool has;
	int64_t value;
};

struct oci_opt_u64 {
	bool has;
	uint64_t value;
};

/* A JSON object of strings, in the order of the file. */
struct oci_pair {
	const char *key;
	const char *value;
};

struct oci_pairs {
	size_t count;
	struct oci_pair *at;
};

#define OCI_SWAPPINESS_MAX 100
#define OCI_DEVICE_ANY	   (-1) /* of major and minor: absent, or -1 in the file */

enum oci_device_access { OCI_DEVICE_READ = 1, OCI_DEVICE_WRITE = 2, OCI_DEVICE_MKNOD = 4 };

struct oci_device_rule {
	bool allow;
	char type; /* 'a', 'b' or 'c' */
	int64_t major;
	int64_t minor;
	uint32_t access; /* OR of enum oci_device_access, never 0 */
};

struct oci_memory {
	struct oci_opt_i64 limit; /* bytes, -1: no limit */
	struct oci_opt_i64 reservation;
	struct oci_opt_i64 swap; /* memory + swap */
	struct oci_opt_i64 kernel;
	struct oci_opt_i64 kernel_tcp;
	struct oci_opt_u64 swappiness; /* 0–100; engines send 2^64-1 for "unset" */
	struct oci_opt_bool disable_oom_killer;
	struct oci_opt_bool use_hierarchy;
	struct oci_opt_bool check_before_update;
};

struct oci_cpu {
	struct oci_opt_u64 shares;
	struct oci_opt_i64 quota_us;
	struct oci_opt_u64 burst_us;
	struct oci_opt_u64 period_us;
	struct oci_opt_i64 realtime_runtime_us;
	struct oci_opt_u64 realtime_period_us;
	struct oci_opt_i64 idle;
	const char *cpus; /* "0-3,5" */
	const char *mems;
};

struct oci_weight_device {
	int64_t major;
	int64_t minor;
	struct oci_opt_u32 weight;
	struct oci_opt_u32 leaf_weight;
};

enum oci_throttle {
	OCI_THROTTLE_READ_BPS,
	OCI_THROTTLE_WRITE_BPS,
	OCI_THROTTLE_READ_IOPS,
	OCI_THROTTLE_WRITE_IOPS,
	OCI_THROTTLE_COUNT
};

struct oci_throttle_device {
	int64_t major;
	int64_t minor;
	uint64_t rate; /* bytes or operations per second */
};

struct oci_block_io {
	struct oci_opt_u32 weight;
	struct oci_opt_u32 leaf_weight;
	size_t weight_device_count;
	struct oci_weight_device *weight_devices;
	struct {
		size_t count;
		struct oci_throttle_device *at;
	} throttle[OCI_THROTTLE_COUNT];
};

struct oci_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit_bytes;
};

struct oci_net_priority {
	const char *name;
	uint32_t priority;
};

struct oci_rdma {
	const char *device;
	struct oci_opt_u32 hca_handles;
	struct oci_opt_u32 hca_objects;
};

struct oci_resources {
	size_t device_count; /* order matters: later rules override earlier ones */
	struct oci_device_rule *devices;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_opt_i64 pids_limit; /* <= 0: no limit */
	struct oci_block_io block_io;
	size_t hugepage_limit_count;
	struct oci_hugepage_limit *hugepage_limits;
	struct oci_opt_u32 net_class_id;
	size_t net_priority_count;
	struct oci_net_priority *net_priorities;
	size_t rdma_count;
	struct oci_rdma *rdma;
	struct oci_pairs unified; /* cgroup v2 file name -> text */

	/* Set only when the resources were parsed on their own. */
	struct oci_strings warnings;
	struct json_doc *doc;
};

#endif
