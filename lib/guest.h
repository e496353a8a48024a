/* What the guest is told to do: the container description that travels in PROTO_HOST_CONTAINER.
 *
 * The host parses and decides, the guest executes: only numbers, masks, paths and vectors are in
 * here. Flag values are the Linux ABI's of the guest (MS_*, CLONE_*, MOUNT_ATTR_*, RLIMIT_*,
 * capability bits), which is the same for all of them on every architecture vmrt knows.
 *
 * Ownership: an encoder only reads. A decoded description borrows its strings from the payload,
 * which must outlive it, and owns the arrays: guest_container_done() frees them. */
#ifndef VMRT_LIB_GUEST_H
#define VMRT_LIB_GUEST_H

#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

struct guest_list {
	uint32_t count;
	const char **at;
};

struct guest_pair {
	const char *name;
	const char *value;
};

struct guest_pairs {
	uint32_t count;
	struct guest_pair *at;
};

enum guest_mount_kind {
	GUEST_MOUNT_FS,	    /* mount(source, destination, type, flags, data) */
	GUEST_MOUNT_BIND,   /* source is a path inside the share: "mounts/0" */
	GUEST_MOUNT_CGROUP, /* the cgroup2 view of the container, whatever version was asked for */
	GUEST_MOUNT_COUNT
};

#define GUEST_PROPAGATIONS_MAX 8

struct guest_mount {
	uint8_t kind;
	bool is_file;		 /* BIND: the source is no directory */
	bool is_socket;		 /* BIND, is_file: in place of the next of the host's sockets */
	bool is_tmpcopyup;	 /* tmpfs that starts with a copy of what it covers */
	bool is_cow;		 /* BIND: under an overlay in the guest's memory */
	const char *source;	 /* may be NULL */
	const char *destination; /* absolute, inside the container's root */
	const char *type;	 /* may be NULL for binds */
	const char *data;	 /* may be NULL */
	uint64_t flags;		 /* MS_*, without the propagation flags */
	/* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE, with or without MS_REC; in this order */
	uint8_t propagation_count;
	uint64_t propagations[GUEST_PROPAGATIONS_MAX];
	uint64_t rec_attr_set; /* MOUNT_ATTR_* for mount_setattr(AT_RECURSIVE) */
	uint64_t rec_attr_clr;
	/* BIND: what is mounted in it, relative, the outer ones first. Entered before the flags are
	 * set, so that they get none of them: mounts that are met later do. */
	struct guest_list submounts;
};

enum guest_stdio {
	GUEST_STDIO_PIPE, /* a pipe, relayed through the stream's port */
	GUEST_STDIO_NULL, /* the container's /dev/null; there is no port */
	GUEST_STDIO_COUNT
};

enum guest_cap_set {
	GUEST_CAP_BOUNDING,
	GUEST_CAP_EFFECTIVE,
	GUEST_CAP_PERMITTED,
	GUEST_CAP_INHERITABLE,
	GUEST_CAP_AMBIENT,
	GUEST_CAP_COUNT
};

struct guest_rlimit {
	uint32_t resource; /* RLIMIT_* */
	uint64_t soft;
	uint64_t hard;
};

/* Work that init does itself, in a child, in place of a program: see init/builtin.h. */
enum guest_builtin {
	GUEST_BUILTIN_NONE,
	GUEST_BUILTIN_PROCESSES, /* the container's processes, as files of /proc */
	GUEST_BUILTIN_STATS,	 /* its usage and limits, as files of its cgroup */
	GUEST_BUILTIN_UPDATE,	 /* writes files of its cgroup: all, or none */
	GUEST_BUILTIN_COUNT
};

/* struct sched_attr of sched_setattr(2). */
struct guest_scheduler {
	uint32_t policy; /* SCHED_* */
	int32_t nice;
	int32_t priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

struct guest_process {
	uint8_t stdio[3]; /* enum guest_stdio; with a terminal: stdin and stdout PIPE */
	uint8_t builtin;  /* enum guest_builtin; EXEC only */
	bool is_terminal;
	uint16_t rows; /* of the terminal, 0: not known yet */
	uint16_t columns;
	uint32_t uid;
	uint32_t gid;
	uint32_t umask; /* 022 where the config has none */
	bool has_caps;	/* false: the config has no capabilities object: all sets empty */
	bool no_new_privs;
	bool has_oom_score_adj;
	int32_t oom_score_adj;
	bool has_io_priority;
	uint32_t io_priority; /* of ioprio_set(2): class and level */
	bool has_scheduler;
	struct guest_scheduler scheduler;
	uint64_t caps[GUEST_CAP_COUNT];
	uint32_t group_count;
	uint32_t *groups;
	uint32_t rlimit_count;
	struct guest_rlimit *rlimits;
	struct guest_list args; /* at least one */
	struct guest_list env;
	const char *cwd;
	const char *cgroup; /* EXEC only: below the container's; NULL: that itself */
};

/* The filter of the container's process and of every exec session; it owns its program. */
struct guest_seccomp {
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
	uint32_t count; /* 0: no filter; at most BPF_MAXINSNS */
	struct sock_filter *insns;
};

/* Disks of the VM by number, from 1: their serial is this and the number. */
#define GUEST_DISK_SERIAL "vmrt-"
#define GUEST_DISK_MAX	  4
/* Of the disk that the root is on. */
#define GUEST_ROOT_SERIAL "vmrt-root"

/* A node to be made. */
struct guest_device {
	uint8_t type;	  /* 'b', 'c' or 'p' */
	const char *path; /* absolute, inside the container's root */
	uint32_t major;
	uint32_t minor;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t disk; /* 0: none; else the disk whose numbers replace these in the guest */
};

/* eBPF of type BPF_PROG_TYPE_CGROUP_DEVICE for the container's cgroup; it owns its program. */
struct guest_device_filter {
	uint32_t count; /* 0: every device is allowed; at most BPF_MAXINSNS */
	struct bpf_insn *insns;
	/* By disk, from 0: where its major is compared, the minor is in the instruction behind.
	 * 0: nowhere. */
	uint32_t disk_insns[GUEST_DISK_MAX];
};

/* A Unix stream socket of the host's: mounts[] with is_socket are these, in order. Init listens at
 * one of its own with the same owner and mode (lib/socket_link.h). */
struct guest_socket {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
};

struct guest_id_range {
	uint32_t container; /* first id inside */
	uint32_t machine;   /* what it is outside: in the share, for the machine's root */
	uint32_t size;
};

struct guest_id_map {
	uint32_t count;
	struct guest_id_range *at;
};

/* A hook that runs in the container, as its user, before the program. */
struct guest_hook {
	const char *path;
	struct guest_list args; /* at least one */
	struct guest_list env;
	uint32_t timeout_ms; /* 0: none */
};

struct guest_container {
	const char *id;
	const char *hostname;	/* NULL: leave */
	const char *domainname; /* NULL: leave */
	/* CLONE_NEWPID, NEWNS, NEWIPC, NEWUTS, NEWCGROUP, NEWTIME, NEWUSER; never NEWNET */
	uint64_t namespaces;
	struct guest_id_map uid_map; /* of the user namespace */
	struct guest_id_map gid_map;
	const char *time_offsets; /* the lines of /proc/PID/timens_offsets; NULL: none */
	bool has_personality;
	uint64_t personality; /* PER_* */
	bool is_root_readonly;
	bool is_root_cow;	   /* under an overlay in the guest's memory */
	bool is_root_disk;	   /* not the share's rootfs but on the disk GUEST_ROOT_SERIAL */
	uint32_t root_partition;   /* of that disk; 0: to be looked for */
	bool has_foreign_files;	   /* files of the share belong to users that its server is not: it
				      may not open them with O_NOATIME */
	uint64_t root_propagation; /* MS_*, 0: none asked for */
	int64_t clock_realtime_ns; /* the host's clock: the guest has no RTC it could trust */
	uint8_t seed[32];	   /* host entropy for the guest's random pool */
	uint32_t mount_count;
	struct guest_mount *mounts;
	uint32_t socket_count; /* as many as mounts have is_socket */
	struct guest_socket *sockets;
	struct guest_list masked_paths;
	struct guest_list readonly_paths;
	struct guest_seccomp seccomp;
	uint32_t device_count;
	struct guest_device *devices;
	struct guest_device_filter device_filter;
	struct guest_pairs cgroup_files; /* of the container's cgroup, in this order */
	struct guest_pairs sysctls;	 /* paths below /proc/sys */
	uint32_t start_hook_count;
	struct guest_hook *start_hooks;
	const char *start_hook_state; /* what they read from stdin; NULL without hooks */
	const char *notify_path;      /* of its sd_notify(3) socket; NULL: it has none */
	struct guest_process process;
};

/* The process alone: the payload of PROTO_HOST_EXEC. The same rules as for the container's. */
void guest_process_encode(struct wire_out *o, const struct guest_process *p);
int guest_process_decode(struct wire_in *in, struct guest_process *ret);
void guest_process_done(struct guest_process *p);

/* Appends the description to `o`. */
void guest_container_encode(struct wire_out *o, const struct guest_container *c);

/* Reads a description that fills `in` exactly. 0 or -EPROTO. On failure there is nothing to free.
 */
int guest_container_decode(struct wire_in *in, struct guest_container *ret);

void guest_container_done(struct guest_container *c);

#endif
