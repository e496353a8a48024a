/* Every name of the runtime specification that stands for a number, each in one table.
 *
 * The parser, `spec`, `features` and whoever prints a value use these tables; nobody else writes
 * such a name down. They say what a name *means*, not whether vmrt honours it. */
#ifndef VMRT_OCI_NAMES_H
#define VMRT_OCI_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct oci_name {
	const char *name;
	uint32_t value;
};

struct oci_name_table {
	const char *what; /* singular, for messages: "seccomp action" */
	size_t count;
	const struct oci_name *at;
};

/* The value of a name, or -1. `name` may be NULL. */
int64_t oci_name_value(const struct oci_name_table *table, const char *name);
/* The first name with that value, or NULL. */
const char *oci_name_of(const struct oci_name_table *table, uint32_t value);

enum oci_ns {
	OCI_NS_CGROUP,
	OCI_NS_IPC,
	OCI_NS_MOUNT,
	OCI_NS_NETWORK,
	OCI_NS_PID,
	OCI_NS_TIME,
	OCI_NS_USER,
	OCI_NS_UTS,
	OCI_NS_UNKNOWN, /* a type vmrt has never heard of: kept by name, warned of */
	OCI_NS_COUNT = OCI_NS_UNKNOWN
};

enum oci_hook_kind {
	OCI_HOOK_PRESTART,
	OCI_HOOK_CREATE_RUNTIME,
	OCI_HOOK_CREATE_CONTAINER,
	OCI_HOOK_START_CONTAINER,
	OCI_HOOK_POSTSTART,
	OCI_HOOK_POSTSTOP,
	OCI_HOOK_COUNT
};

enum oci_cap_set {
	OCI_CAP_BOUNDING,
	OCI_CAP_EFFECTIVE,
	OCI_CAP_PERMITTED,
	OCI_CAP_INHERITABLE,
	OCI_CAP_AMBIENT,
	OCI_CAP_SET_COUNT
};

enum oci_seccomp_action {
	OCI_SECCOMP_ALLOW,
	OCI_SECCOMP_ERRNO,
	OCI_SECCOMP_KILL, /* the same as KILL_THREAD */
	OCI_SECCOMP_KILL_PROCESS,
	OCI_SECCOMP_KILL_THREAD,
	OCI_SECCOMP_LOG,
	OCI_SECCOMP_NOTIFY,
	OCI_SECCOMP_TRACE,
	OCI_SECCOMP_TRAP,
	OCI_SECCOMP_ACTION_COUNT
};

enum oci_seccomp_op {
	OCI_SECCOMP_EQ,
	OCI_SECCOMP_GE,
	OCI_SECCOMP_GT,
	OCI_SECCOMP_LE,
	OCI_SECCOMP_LT,
	OCI_SECCOMP_MASKED_EQ,
	OCI_SECCOMP_NE,
	OCI_SECCOMP_OP_COUNT
};

/* Values: */
extern const struct oci_name_table oci_namespaces;	/* enum oci_ns */
extern const struct oci_name_table oci_hook_kinds;	/* enum oci_hook_kind */
extern const struct oci_name_table oci_cap_sets;	/* enum oci_cap_set */
extern const struct oci_name_table oci_capabilities;	/* capability numbers (bits) */
extern const struct oci_name_table oci_rlimits;		/* RLIMIT_* */
extern const struct oci_name_table oci_seccomp_actions; /* enum oci_seccomp_action */
extern const struct oci_name_table oci_seccomp_ops;	/* enum oci_seccomp_op */
extern const struct oci_name_table oci_seccomp_archs;  /* AUDIT_ARCH_*: SCMP_ARCH_* of libseccomp */
extern const struct oci_name_table oci_seccomp_flags;  /* SECCOMP_FILTER_FLAG_* */
extern const struct oci_name_table oci_propagations;   /* MS_* of rootfsPropagation and options */
extern const struct oci_name_table oci_sched_policies; /* SCHED_* */
extern const struct oci_name_table oci_sched_flags;    /* SCHED_FLAG_* of sched_setattr(2) */
extern const struct oci_name_table oci_io_classes;     /* IOPRIO_CLASS_* of ioprio_set(2) */
extern const struct oci_name_table oci_personalities;  /* PER_* of personality(2) */
extern const struct oci_name_table oci_mempolicy_modes; /* MPOL_* of set_mempolicy(2) */
extern const struct oci_name_table oci_mempolicy_flags; /* MPOL_F_* */

/* CLONE_NEW* of a known namespace type, 0 for OCI_NS_UNKNOWN. */
uint64_t oci_ns_clone_flag(enum oci_ns ns);

#endif
