/* The administrator's settings: /etc/vmrt/vmrt.json, or the file $VMRT_CONFIG names.
 *
 *   { "kernel": "/path/vmlinux", "initramfs": "/path/x.cpio", "qemu": "/path/qemu-system-x86_64",
 *     "virtiofsd": "/path/virtiofsd", "passt": "/path/passt", "accel": "auto|kvm|tcg", "memory":
 * 1024, "vcpus": 2, "boot-timeout": 120, "template": "auto|off", "vm": "none|size|all",
 * "annotations": ["io.vmrt.memory"], "kernels": "/folder", "max-vcpus": 16, "max-memory": 65536,
 *     "uid-first": 1879048192, "uid-count": 65536 }
 *
 * All members are optional. Kernel and initramfs are looked for beside the installed binary
 * (PREFIX/lib/vmrt), or in build/ when vmrt runs from there. */
#ifndef VMRT_SETTINGS_H
#define VMRT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/sandbox/ids.h"
#include "runtime/vm/accel.h"

#define SETTINGS_PATH		"/etc/vmrt/vmrt.json"
#define SETTINGS_BACKLOG	"vmrt-backlog.so"
#define SETTINGS_MEMORY_MIB_MIN 64

/* What the `vm` object of config.json may do. */
enum settings_vm_policy {
	SETTINGS_VM_NONE,
	SETTINGS_VM_SIZE, /* vCPUs and memory */
	SETTINGS_VM_ALL,  /* QEMU, kernel and their parameters too: as good as root on the host */
	SETTINGS_VM_COUNT
};

enum settings_annotation {
	SETTINGS_ANNOTATION_VCPUS,
	SETTINGS_ANNOTATION_MEMORY,    /* MiB */
	SETTINGS_ANNOTATION_KERNEL,    /* a name in `kernels` */
	SETTINGS_ANNOTATION_NETWORK,   /* "user": connections like a program's of the caller's */
	SETTINGS_ANNOTATION_ROOT,      /* "cow": its changes stay in the VM's memory */
	SETTINGS_ANNOTATION_MACHINE,   /* QEMU's machine, for kernels that need another */
	SETTINGS_ANNOTATION_PARTITION, /* of vm.image */
	SETTINGS_ANNOTATION_PUBLISH,   /* ports of the host for the user-mode network */
	SETTINGS_ANNOTATION_INIT,      /* "own": the initrd has another PID 1 than vmrt's */
	SETTINGS_ANNOTATION_DISKS,     /* files in place of block devices */
	SETTINGS_ANNOTATION_COUNT
};

struct settings {
	char *kernel;
	char *initramfs;
	char *backlog;	 /* preload/backlog.c; no setting */
	char *qemu;	 /* NULL: the known places */
	char *virtiofsd; /* NULL: the known places */
	char *passt;	 /* NULL: the known places; "none": QEMU's own user-mode network */
	enum accel_wish accel;
	unsigned int memory_mib;     /* of a container without a limit */
	unsigned int vcpus;	     /* of a container without a quota: the host's, at most 8 */
	unsigned int boot_timeout_s; /* until init says hello, and for what it owes later */
	enum settings_vm_policy vm_policy;
	uint32_t annotations; /* 1u << enum settings_annotation: those that may be used */
	char *kernels;	      /* the folder that kernels are chosen from by name; NULL: none */
	unsigned int max_vcpus;
	unsigned int max_memory_mib;
	struct ids_range ids; /* whom QEMU runs as */
	bool want_templates;  /* machines may begin from one (machine_template.c) */
	bool is_own_initramfs;
	bool is_own_kernel; /* the kernel is the one vmrt was installed with */
};

/* A missing SETTINGS_PATH is fine, a missing $VMRT_CONFIG is not. Free with settings_done(). */
int settings_load(struct settings *ret, struct err *e) VMRT_MUST_CHECK;
/* Are kernel and initramfs there? One clear line if not, in words no engine misreads. */
/* Whoever calls made the bundle: it may say everything about its VM, within the bounds on size. */
void settings_trust_bundle(struct settings *s);
int settings_check_files(const struct settings *s, struct err *e) VMRT_MUST_CHECK;
/* One file that QEMU is to open; `what` begins the message. */
int settings_check_readable(const char *what, const char *path, struct err *e) VMRT_MUST_CHECK;
void settings_done(struct settings *s);
/* enum settings_annotation of a key like "io.vmrt.vcpus", or -1; and back. */
int settings_annotation(const char *key);
const char *settings_annotation_name(enum settings_annotation which);

#endif
