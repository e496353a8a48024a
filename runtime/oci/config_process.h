/* process of config.json, which is also the whole of `exec --process` FILE. See config.h. */
#ifndef VMRT_OCI_CONFIG_PROCESS_H
#define VMRT_OCI_CONFIG_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/oci/names.h"

struct json_doc;

struct oci_strings {
	size_t count;
	const char **at;
};

struct oci_user {
	uint32_t uid;
	uint32_t gid;
	bool has_umask;
	uint32_t umask;
	size_t additional_gid_count;
	uint32_t *additional_gids;
};

struct oci_rlimit {
	uint32_t resource; /* RLIMIT_* */
	uint64_t soft;
	uint64_t hard;
};

struct oci_scheduler {
	uint32_t policy; /* SCHED_* */
	int32_t nice;
	int32_t priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

struct oci_process {
	bool terminal;
	bool no_new_privileges;
	bool has_console_size;
	uint32_t console_height;
	uint32_t console_width;
	struct oci_user user;
	struct oci_strings args;
	struct oci_strings env;
	const char *cwd;
	bool has_capabilities;
	uint64_t caps[OCI_CAP_SET_COUNT]; /* bit n: capability n */
	size_t rlimit_count;
	struct oci_rlimit *rlimits;
	const char *apparmor_profile;
	const char *selinux_label;
	bool has_oom_score_adj;
	int32_t oom_score_adj;
	struct oci_scheduler *scheduler; /* NULL: absent */
	bool has_io_priority;
	uint32_t io_class; /* IOPRIO_CLASS_* */
	int32_t io_priority;
	const char *exec_affinity_initial; /* CPU lists of execCPUAffinity */
	const char *exec_affinity_final;

	/* Set only when the process was parsed on its own; inside a config they are the config's.
	 */
	struct oci_strings warnings;
	struct json_doc *doc;
};

#endif
