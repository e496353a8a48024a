/* The tables behind names.h and their look-up. Must not know which of the values vmrt honours. */
#include "runtime/oci/names.h"

#include <assert.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define TABLE(symbol, what_text)                                                                   \
	const struct oci_name_table symbol = {what_text, COUNT_OF(symbol##_names), symbol##_names}

static const struct oci_name oci_namespaces_names[] = {
	{"cgroup", OCI_NS_CGROUP},   {"ipc", OCI_NS_IPC}, {"mount", OCI_NS_MOUNT},
	{"network", OCI_NS_NETWORK}, {"pid", OCI_NS_PID}, {"time", OCI_NS_TIME},
	{"user", OCI_NS_USER},	     {"uts", OCI_NS_UTS},
};
static_assert(COUNT_OF(oci_namespaces_names) == OCI_NS_COUNT, "a namespace without a name");
TABLE(oci_namespaces, "namespace type");

static const struct oci_name oci_hook_kinds_names[] = {
	{"prestart", OCI_HOOK_PRESTART},
	{"createRuntime", OCI_HOOK_CREATE_RUNTIME},
	{"createContainer", OCI_HOOK_CREATE_CONTAINER},
	{"startContainer", OCI_HOOK_START_CONTAINER},
	{"poststart", OCI_HOOK_POSTSTART},
	{"poststop", OCI_HOOK_POSTSTOP},
};
static_assert(COUNT_OF(oci_hook_kinds_names) == OCI_HOOK_COUNT, "a hook without a name");
TABLE(oci_hook_kinds, "hook");

static const struct oci_name oci_cap_sets_names[] = {
	{"bounding", OCI_CAP_BOUNDING},	  {"effective", OCI_CAP_EFFECTIVE},
	{"permitted", OCI_CAP_PERMITTED}, {"inheritable", OCI_CAP_INHERITABLE},
	{"ambient", OCI_CAP_AMBIENT},
};
static_assert(COUNT_OF(oci_cap_sets_names) == OCI_CAP_SET_COUNT, "a capability set without a name");
TABLE(oci_cap_sets, "capability set");

#define CAP(name)                                                                                  \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct oci_name oci_capabilities_names[] = {
	CAP(CAP_CHOWN),
	CAP(CAP_DAC_OVERRIDE),
	CAP(CAP_DAC_READ_SEARCH),
	CAP(CAP_FOWNER),
	CAP(CAP_FSETID),
	CAP(CAP_KILL),
	CAP(CAP_SETGID),
	CAP(CAP_SETUID),
	CAP(CAP_SETPCAP),
	CAP(CAP_LINUX_IMMUTABLE),
	CAP(CAP_NET_BIND_SERVICE),
	CAP(CAP_NET_BROADCAST),
	CAP(CAP_NET_ADMIN),
	CAP(CAP_NET_RAW),
	CAP(CAP_IPC_LOCK),
	CAP(CAP_IPC_OWNER),
	CAP(CAP_SYS_MODULE),
	CAP(CAP_SYS_RAWIO),
	CAP(CAP_SYS_CHROOT),
	CAP(CAP_SYS_PTRACE),
	CAP(CAP_SYS_PACCT),
	CAP(CAP_SYS_ADMIN),
	CAP(CAP_SYS_BOOT),
	CAP(CAP_SYS_NICE),
	CAP(CAP_SYS_RESOURCE),
	CAP(CAP_SYS_TIME),
	CAP(CAP_SYS_TTY_CONFIG),
	CAP(CAP_MKNOD),
	CAP(CAP_LEASE),
	CAP(CAP_AUDIT_WRITE),
	CAP(CAP_AUDIT_CONTROL),
	CAP(CAP_SETFCAP),
	CAP(CAP_MAC_OVERRIDE),
	CAP(CAP_MAC_ADMIN),
	CAP(CAP_SYSLOG),
	CAP(CAP_WAKE_ALARM),
	CAP(CAP_BLOCK_SUSPEND),
	CAP(CAP_AUDIT_READ),
	CAP(CAP_PERFMON),
	CAP(CAP_BPF),
	CAP(CAP_CHECKPOINT_RESTORE),
};
static_assert(COUNT_OF(oci_capabilities_names) == CAP_LAST_CAP + 1,
	      "the headers know another number of capabilities than this table");
TABLE(oci_capabilities, "capability");

#define RLIMIT(name)                                                                               \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct oci_name oci_rlimits_names[] = {
	RLIMIT(RLIMIT_AS),	RLIMIT(RLIMIT_CORE),	 RLIMIT(RLIMIT_CPU),
	RLIMIT(RLIMIT_DATA),	RLIMIT(RLIMIT_FSIZE),	 RLIMIT(RLIMIT_LOCKS),
	RLIMIT(RLIMIT_MEMLOCK), RLIMIT(RLIMIT_MSGQUEUE), RLIMIT(RLIMIT_NICE),
	RLIMIT(RLIMIT_NOFILE),	RLIMIT(RLIMIT_NPROC),	 RLIMIT(RLIMIT_RSS),
	RLIMIT(RLIMIT_RTPRIO),	RLIMIT(RLIMIT_RTTIME),	 RLIMIT(RLIMIT_SIGPENDING),
	RLIMIT(RLIMIT_STACK),
};
static_assert(COUNT_OF(oci_rlimits_names) == RLIMIT_NLIMITS, "an rlimit without a name");
TABLE(oci_rlimits, "rlimit");

#define ACT(name)                                                                                  \
	{                                                                                          \
		"SCMP_ACT_" #name, OCI_SECCOMP_##name                                              \
	}
static const struct oci_name oci_seccomp_actions_names[] = {
	ACT(ALLOW), ACT(ERRNO),	 ACT(KILL),  ACT(KILL_PROCESS), ACT(KILL_THREAD),
	ACT(LOG),   ACT(NOTIFY), ACT(TRACE), ACT(TRAP),
};
static_assert(COUNT_OF(oci_seccomp_actions_names) == OCI_SECCOMP_ACTION_COUNT,
	      "a seccomp action without a name");
TABLE(oci_seccomp_actions, "seccomp action");

#define CMP(name)                                                                                  \
	{                                                                                          \
		"SCMP_CMP_" #name, OCI_SECCOMP_##name                                              \
	}
static const struct oci_name oci_seccomp_ops_names[] = {
	CMP(EQ), CMP(GE), CMP(GT), CMP(LE), CMP(LT), CMP(MASKED_EQ), CMP(NE),
};
static_assert(COUNT_OF(oci_seccomp_ops_names) == OCI_SECCOMP_OP_COUNT,
	      "a seccomp operator without a name");
TABLE(oci_seccomp_ops, "seccomp operator");

#define ARCH(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct oci_name oci_seccomp_archs_names[] = {
	ARCH(SCMP_ARCH_AARCH64),  ARCH(SCMP_ARCH_ARM),	       ARCH(SCMP_ARCH_MIPS),
	ARCH(SCMP_ARCH_MIPS64),	  ARCH(SCMP_ARCH_MIPS64N32),   ARCH(SCMP_ARCH_MIPSEL),
	ARCH(SCMP_ARCH_MIPSEL64), ARCH(SCMP_ARCH_MIPSEL64N32), ARCH(SCMP_ARCH_PARISC),
	ARCH(SCMP_ARCH_PARISC64), ARCH(SCMP_ARCH_PPC),	       ARCH(SCMP_ARCH_PPC64),
	ARCH(SCMP_ARCH_PPC64LE),  ARCH(SCMP_ARCH_RISCV64),     ARCH(SCMP_ARCH_S390),
	ARCH(SCMP_ARCH_S390X),	  ARCH(SCMP_ARCH_X32),	       ARCH(SCMP_ARCH_X86),
	ARCH(SCMP_ARCH_X86_64),
};
TABLE(oci_seccomp_archs, "seccomp architecture");

#define SECCOMP_FLAG(name)                                                                         \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct oci_name oci_seccomp_flags_names[] = {
	SECCOMP_FLAG(SECCOMP_FILTER_FLAG_LOG),
	SECCOMP_FLAG(SECCOMP_FILTER_FLAG_SPEC_ALLOW),
	SECCOMP_FLAG(SECCOMP_FILTER_FLAG_TSYNC),
	SECCOMP_FLAG(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
};
TABLE(oci_seccomp_flags, "seccomp flag");

static const struct oci_name oci_propagations_names[] = {
	{"private", MS_PRIVATE},
	{"rprivate", MS_PRIVATE | MS_REC},
	{"rshared", MS_SHARED | MS_REC},
	{"rslave", MS_SLAVE | MS_REC},
	{"runbindable", MS_UNBINDABLE | MS_REC},
	{"shared", MS_SHARED},
	{"slave", MS_SLAVE},
	{"unbindable", MS_UNBINDABLE},
};
TABLE(oci_propagations, "mount propagation");

/* SCHED_ISO has a number but was never in a kernel: the kernel refuses it, as under runc. */
#define SCHED_ISO 4
#define SCHED(name)                                                                                \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct oci_name oci_sched_policies_names[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	SCHED(SCHED_FIFO),
	SCHED(SCHED_RR),
	SCHED(SCHED_BATCH),
	SCHED(SCHED_ISO),
	SCHED(SCHED_IDLE),
	SCHED(SCHED_DEADLINE),
};
TABLE(oci_sched_policies, "scheduler policy");

static const struct oci_name oci_sched_flags_names[] = {
	SCHED(SCHED_FLAG_RESET_ON_FORK),  SCHED(SCHED_FLAG_RECLAIM),
	SCHED(SCHED_FLAG_DL_OVERRUN),	  SCHED(SCHED_FLAG_KEEP_POLICY),
	SCHED(SCHED_FLAG_KEEP_PARAMS),	  SCHED(SCHED_FLAG_UTIL_CLAMP_MIN),
	SCHED(SCHED_FLAG_UTIL_CLAMP_MAX),
};
TABLE(oci_sched_flags, "scheduler flag");

static const struct oci_name oci_io_classes_names[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
};
TABLE(oci_io_classes, "I/O priority class");

static const struct oci_name oci_personalities_names[] = {
	{"LINUX", PER_LINUX},
	{"LINUX32", PER_LINUX32},
};
TABLE(oci_personalities, "personality domain");

/* Newer than Debian 12's headers (Linux 6.9). */
#define VMRT_MPOL_WEIGHTED_INTERLEAVE 6
static const struct oci_name oci_mempolicy_modes_names[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_WEIGHTED_INTERLEAVE", VMRT_MPOL_WEIGHTED_INTERLEAVE},
};
TABLE(oci_mempolicy_modes, "memory policy mode");

static const struct oci_name oci_mempolicy_flags_names[] = {
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
};
TABLE(oci_mempolicy_flags, "memory policy flag");

static const uint64_t ns_clone_flags[OCI_NS_COUNT] = {
	[OCI_NS_CGROUP] = CLONE_NEWCGROUP, [OCI_NS_IPC] = CLONE_NEWIPC,
	[OCI_NS_MOUNT] = CLONE_NEWNS,	   [OCI_NS_NETWORK] = CLONE_NEWNET,
	[OCI_NS_PID] = CLONE_NEWPID,	   [OCI_NS_TIME] = CLONE_NEWTIME,
	[OCI_NS_USER] = CLONE_NEWUSER,	   [OCI_NS_UTS] = CLONE_NEWUTS,
};

int64_t oci_name_value(const struct oci_name_table *table, const char *name)
{
	for (size_t i = 0; name && i < table->count; i++)
		if (!strcmp(table->at[i].name, name))
			return table->at[i].value;
	return -1;
}

const char *oci_name_of(const struct oci_name_table *table, uint32_t value)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->at[i].value == value)
			return table->at[i].name;
	return NULL;
}

uint64_t oci_ns_clone_flag(enum oci_ns ns)
{
	return ns < OCI_NS_COUNT ? ns_clone_flags[ns] : 0;
}
