/* From config.json and settings to what has to be done: plain data, decided once.
 *
 *   config.json ─┐
 *   vmrt.json   ─┼─ plan_make() ──> struct plan ──> monitor: share tree, VM, guest description
 *   stdio kinds ─┘
 *
 * Must not change the world. What vmrt cannot honour is found here, by support.c's table. */
#ifndef VMRT_PLAN_H
#define VMRT_PLAN_H

#include "lib/guest.h"
#include "runtime/net/publish.h"
#include "runtime/net/user.h"
#include "runtime/oci/config.h"
#include "runtime/plan/settings.h"
#include "runtime/share/share.h"
#include "runtime/vm/disk.h"

/* What the guest's kernel, its page tables and init need beyond the container's own limit. */
#define PLAN_GUEST_OVERHEAD_MIB 128

struct plan {
	const struct oci_config *config; /* borrowed; strings below point into it */
	char *bundle;			 /* absolute */
	char *rootfs;			 /* absolute */
	bool want_new_netns;
	const char *netns_path; /* NULL: the caller's, or a new one */
	size_t nic_count;
	bool want_user_network; /* the annotation's wish */
	bool has_user_network;	/* NIC 0 is a user-mode network; there are no taps */
	struct user_network user_network;
	struct publish publish;	   /* ports of the user-mode network */
	const char *qemu_forwards; /* the same in QEMU's words; NULL: none */
	unsigned int memory_mib;
	unsigned int vcpus;
	/* Of the vm object and the annotations; NULL: the settings'. */
	const char *vm_qemu;
	const struct oci_strings *vm_qemu_args;
	const char *vm_kernel;
	const char *vm_initrd; /* is unpacked after vmrt's own */
	const char *vm_image;  /* the disk that the root is on; NULL: it is the bundle's */
	bool is_vm_image_qcow2;
	bool is_vm_image_writable;
	const char *vm_machine; /* QEMU's name of it */
	const char *disk_files; /* io.vmrt.disks; NULL: none */
	const char *vm_append;	/* more words for the kernel's command line */
	bool has_own_init;	/* the initrd's PID 1 says nothing to us: only its end is seen */
	size_t disk_count;
	struct disk disks[GUEST_DISK_MAX];
	size_t bind_count;
	struct share_bind *binds;
	struct guest_container guest;
	struct guest_pairs cgroup_files; /* what guest.cgroup_files borrows */
	/* What the guest's strings need beyond the config's life: freed with the plan. */
	size_t owned_count;
	char **owned;
	struct oci_strings warnings; /* owned: one line each */
};

/* `bundle` is absolute. `stdio` says what the container's three descriptors are (enum
 * guest_stdio). The config must have passed oci_config_check(). Fails, naming the field, for what
 * a VM cannot honour. The plan is freed with plan_free(). */
int plan_make(const struct oci_config *config, const char *bundle, const struct settings *settings,
	      const uint8_t stdio[3], struct plan **ret, struct err *e) VMRT_MUST_CHECK;
/* The network is the host's own, which a VM cannot have (`is_host`), or the annotation asks for it:
 * user-mode network. Known when namespaces have been looked at; `host` says what is there. */
void plan_set_user_network(struct plan *p, const struct user_network *host, bool is_host);
/* Copies what share_check_binds() found (file, directory, socket) into the guest's description. */
void plan_set_files(struct plan *p);
/* Lists what the host has mounted in the sources of binds whose flags are for the top mount alone:
 * with any other runtime these keep their own. After share_check_binds(). */
int plan_set_submounts(struct plan *p, struct err *e) VMRT_MUST_CHECK;
/* devices.c: takes what disk_find() found: a loop device without a file is the guest's own. */
void plan_set_disks(struct plan *p);
/* A text of the guest's with the host's paths in place of the share's ("/share/mounts/N"). */
void plan_name_sources(const struct plan *p, const char *text, char *ret, size_t room);
void plan_free(struct plan *p);

/* A process of config.json, or of `exec`, as the guest gets it. `to` borrows the strings of `from`
 * and owns its arrays: guest_process_done(). */
void plan_process(const struct oci_process *from, const uint8_t stdio[3], struct guest_process *to);

/* kernel.c: the container's process gets the caller's own limits where config.json sets none. */
void plan_inherit_rlimits(struct guest_process *p);

/* Of the files in this folder, for each other. plan_own() keeps `text` until plan_free(); the lists
 * borrow their strings. */
const char *plan_own(struct plan *p, char *text);
struct guest_list plan_list(const struct oci_strings *s);

/* kernel.c: sysctls, personality, time offsets, hooks in the guest. */
int plan_kernel(struct plan *p, struct err *e) VMRT_MUST_CHECK;

/* devices.c: the nodes and the device rules. */
int plan_devices(struct plan *p, struct err *e) VMRT_MUST_CHECK;

/* cgroup_mounts.c: a bind of the host's cgroups where the guest's are. REPLACED: `g` is them;
 * DROPPED: it has no place among them. */
enum plan_cgroup_bind { PLAN_CGROUP_NONE, PLAN_CGROUP_REPLACED, PLAN_CGROUP_DROPPED };
enum plan_cgroup_bind plan_cgroup_bind(struct plan *p, const struct oci_mount *m,
				       struct guest_mount *g);

/* limits.c: the guest's cgroup and the size of the VM. */
int plan_limits(struct plan *p, const struct settings *settings, struct err *e) VMRT_MUST_CHECK;

/* vm.c: what config.json says of the VM itself. After plan_limits(). */
int plan_vm(struct plan *p, const struct settings *settings, struct err *e) VMRT_MUST_CHECK;

/* A line of the annotation io.vmrt.disks: MAJOR:MINOR[:ro]=/FILE. */
struct plan_disk_file {
	unsigned int major;
	unsigned int minor;
	bool is_readonly;
	const char *path; /* not ended: points into the text */
	size_t path_size;
};

/* vm.c: takes one from `line` and moves it on. 1, 0 at the end, -EINVAL. Pure. */
int plan_next_disk_file(const char **line, struct plan_disk_file *ret);

/* support.c: adds a line to the warnings for each thing that is asked for and not applied, or
 * refuses. The one place where that is decided. */
int plan_check_support(struct plan *p, struct err *e) VMRT_MUST_CHECK;
void plan_warn(struct plan *p, const char *fmt, ...) VMRT_PRINTF(2, 3);

#endif
