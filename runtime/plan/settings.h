/* The administrator's settings: /etc/vmrt/vmrt.json, or the file $VMRT_CONFIG names.
 *
 *   { "kernel": "/path/vmlinux", "initramfs": "/path/x.cpio", "qemu": "/path/qemu-system-x86_64",
 *     "virtiofsd": "/path/virtiofsd", "accel": "auto|kvm|tcg", "memory": 1024, "vcpus": 2,
 *     "boot-timeout": 120 }
 *
 * All members are optional. Kernel and initramfs are looked for beside the installed binary
 * (PREFIX/lib/vmrt), or in build/ when vmrt runs from there. */
#ifndef VMRT_SETTINGS_H
#define VMRT_SETTINGS_H

#include "lib/err.h"
#include "runtime/vm/accel.h"

#define SETTINGS_PATH "/etc/vmrt/vmrt.json"

struct settings {
	char *kernel;
	char *initramfs;
	char *qemu;	 /* NULL: the known places */
	char *virtiofsd; /* NULL: the known places */
	enum accel_wish accel;
	unsigned int memory_mib;     /* of a container without a limit */
	unsigned int vcpus;	     /* of a container without a quota: the host's, at most 8 */
	unsigned int boot_timeout_s; /* until init says hello */
	bool is_own_kernel;	     /* the kernel is the one vmrt was installed with */
};

/* A missing SETTINGS_PATH is fine, a missing $VMRT_CONFIG is not. Free with settings_done(). */
int settings_load(struct settings *ret, struct err *e) VMRT_MUST_CHECK;
/* Are kernel and initramfs there? One clear line if not, in words no engine misreads. */
int settings_check_files(const struct settings *s, struct err *e) VMRT_MUST_CHECK;
void settings_done(struct settings *s);

#endif
