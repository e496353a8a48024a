/* The VM as a QEMU command line: a plan goes in, arguments come out. Pure: no file is opened, no
 * process started; descriptor numbers are used as given (the caller maps them with spawn_fd). */
#ifndef VMRT_VM_H
#define VMRT_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/proc/strv.h"
#include "runtime/vm/accel.h"

/* Of the virtio-serial bus: the kernel's console, the control link, three streams of the container
 * and of each of 30 exec sessions. Every port has two queues that the guest sets up at boot. */
#define VM_BUS_PORTS  96
#define VM_PORT_MAX   30 /* of the command line; the others come with exec sessions */
#define VM_NIC_MAX    8
#define VM_DISK_MAX   4
#define VM_APPEND_MAX 2048
#define VM_KERNEL_HZ  100	/* CONFIG_HZ of our kernel */
#define VM_PORT_BUS   "ports.0" /* where device_add puts more of them */
#define VM_CONTROL_ID "p1"	/* the control port as QEMU's events name it */

struct vm_port {
	const char *name;	 /* what the guest sees in /sys/class/virtio-ports/N/name */
	int socket_fd;		 /* -1: pipe, or one of the next two */
	const char *socket_path; /* somebody listens there */
	const char *file_path;	 /* gets what the guest writes */
	const char *pipe_path;	 /* QEMU opens PATH.in (to the guest) and PATH.out, both read-write;
				    both must exist. Commas in it are escaped */
};

struct vm_nic {
	/* Each queue has its descriptors; those after the first have the numbers that follow. */
	unsigned int queue_count;
	int tap_fd;	      /* -1: none */
	const char *forwards; /* of QEMU's own user-mode network: ",hostfwd=..."; NULL: none */
	int socket_fd;	   /* to passt. Both -1: QEMU's own user-mode network, in its namespace */
	bool is_ipv4_only; /* QEMU's own */
	int vhost_fd;	   /* of /dev/vhost-net; -1: QEMU moves the frames itself */
	unsigned char mac[6];
};

struct vm_disk {
	int fd; /* of a block device, open as `is_writable` says */
	bool is_writable;
	bool is_file;	    /* it is a file's */
	const char *path;   /* instead of `fd`; NULL: the descriptor */
	const char *serial; /* by which the guest knows it */
};

/* How the machine comes to be. A template is saved when its init has parked (docs/ARCHITECTURE.md);
 * what is restored from it has the same devices, and the kernel in them. The share's device can be
 * neither saved nor loaded: it is plugged into a slot that was empty until then. NICs of a
 * template lead nowhere. */
enum vm_origin { VM_BOOTED, VM_TEMPLATE, VM_RESTORED };

/* Slots of a microvm that nothing else takes: QEMU fills them from the last one down. */
#define VM_SLOT_SHARE	   "virtio-mmio-bus.1"
#define VM_SLOT_SHARE_WORD "virtio_mmio.device=512@0xfeb00200:6:64"
#define VM_SLOT_SHARE_NAME "virtio-mmio.64" /* the platform device that this word makes */
#define VM_SLOT_HOLDER	   "virtio-mmio-bus.0"
/* virtio-mmio's slots take no device once the machine is made, unless told that somebody looks
 * after it. A SCSI bus does, and asks nothing of it. Its own device stays unseen in its slot. */
#define VM_HOLDER_ID	    "holder"
#define VM_HOLDER_PATH	    "/machine/peripheral/" VM_HOLDER_ID "/" VM_HOLDER_ID ".0"
#define VM_SHARE_CHARDEV    "share"
#define VM_SHARE_QUEUE_SIZE 1024
#define VM_TEMPLATE_NIC_MAX 4

struct image;

struct vm_plan {
	enum vm_origin origin;
	const char *ram_path; /* of a template and what is restored: where the memory is */
	const char *name;     /* container id: shown in the process list */
	const char *arch;     /* OCI spelling: "amd64", "arm64", ... */
	const char *qemu;     /* absolute path; argv[0] */
	const char *kernel;
	const char *initramfs;
	const char *machine; /* NULL: the architecture's usual one */
	enum vm_accel accel;
	unsigned int tsc_khz; /* host's; 0: unknown. Used under TCG only */
	bool is_own_kernel;   /* ours: knows virtiofs.cpu_rewrite and friends */
	/* Inodes of the share that the guest's kernel may know at a time; 0: as it likes. Ours
	 * only. */
	uint64_t inodes_max;
	unsigned int memory_mib;
	unsigned int vcpus;
	int share_socket_fd; /* connected to virtiofsd; -1: no share, or by its path */
	const char *share_path;
	const char *share_tag; /* PROTO_SHARE_TAG */
	int console_fd; /* socketpair end for the kernel's console; -1: discarded, or a file */
	const char *console_path;
	struct vm_port ports[VM_PORT_MAX]; /* in this order; the control port first */
	size_t port_count;
	struct vm_nic nics[VM_NIC_MAX];
	size_t nic_count;
	struct vm_disk disks[VM_DISK_MAX];
	size_t disk_count;
	const struct image *image; /* that the root is on; NULL: none */
	int image_fd;		   /* first of IMAGE_FD_COUNT */
	int qmp_fd;		   /* socketpair end; -1: no QMP */
	int gdb_fd;		   /* listening socket for debuggers; -1: none, or by its path */
	const char *gdb_path;
	const char *const *extra; /* more arguments of QEMU's, as they are */
	size_t extra_count;
	const char *append; /* more words for the kernel's command line; NULL: none */
};

/* One architecture QEMU can be asked for. */
struct vm_arch {
	const char *oci;
	const char *qemu;    /* name of the binary */
	const char *machine; /* -M, without accel and memory-backend */
	bool has_serial;     /* the console is a serial line: there before any driver is loaded */
	const char *cpu_kvm;
	const char *cpu_tcg;
	const char *bus;    /* suffix of virtio devices: device, pci, ccw */
	const char *kernel; /* file name of our kernel */
	const char *console;
	const char *const *extra; /* more arguments, NULL-terminated; NULL: none */
	/* Words of the kernel's command line, NULL: none. "own": our kernel knows them. */
	const char *append;
	const char *append_own;
	const char *append_tcg;
	const char *append_tcg_own;
	unsigned int tcg_min_version; /* major * 1000 + minor of QEMU; 0: any */
	unsigned short elf_machine;   /* e_machine of a kernel or program of it */
};

/* `machine` is the name before -M's first comma, NULL for the architecture's usual one. NULL for
 * what is not known. */
const struct vm_arch *vm_arch_find(const char *oci, const char *machine);
/* That of the running host, OCI spelling. */
const char *vm_arch_host(void);

/* The known places of this architecture's QEMU, or `configured` checked. `ret_path` has PATH_MAX
 * bytes. Looks at the file system, unlike the rest. */
int vm_qemu_find(const struct vm_arch *arch, const char *configured, char *ret_path,
		 struct err *e) VMRT_MUST_CHECK;

/* Can a machine like this one be a template? Only our own microvm, and nothing by hand in it. */
bool vm_can_be_template(const struct vm_plan *plan);

int vm_qemu_argv(const struct vm_plan *plan, struct strv *ret, struct err *e) VMRT_MUST_CHECK;

#endif
