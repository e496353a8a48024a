/* The machine that a disk image boots on: a PC with firmware, as distributions expect one. A plan
 * goes in, QEMU's arguments come out. Pure but for firmware_find(). */
#ifndef VMRT_IMAGE_MACHINE_H
#define VMRT_IMAGE_MACHINE_H

#include <limits.h>
#include <stdbool.h>

#include "lib/err.h"
#include "runtime/image/image.h"
#include "runtime/proc/strv.h"
#include "runtime/vm/accel.h"

#define IMAGE_SHARE_MAX 16
#define IMAGE_PORT_MAX	16

struct image_share {
	const char *tag;  /* by which the guest mounts it (9p) */
	const char *path; /* as QEMU sees it */
	bool is_readonly;
};

struct image_port {
	const char *name;
	int fd;
};

/* UEFI's program and the file of its variables, which is a template. */
struct firmware {
	const char *code;
	const char *vars;
};

struct image_machine {
	const char *qemu; /* argv[0] */
	enum vm_accel accel;
	unsigned int memory_mib;
	unsigned int vcpus;
	const struct image *image;
	int image_fd;		     /* first of IMAGE_FD_COUNT in QEMU */
	const char *bios;	     /* another BIOS; NULL: QEMU's own */
	const struct firmware *uefi; /* NULL: none */
	int vars_fd;		     /* of a copy of its variables */
	int console_fd;		     /* a socket; -1: nobody reads the serial line */
	struct image_port ports[IMAGE_PORT_MAX];
	size_t port_count;
	struct image_share shares[IMAGE_SHARE_MAX];
	size_t share_count;
	bool has_network;
	const char *forwards; /* ",hostfwd=...", or "" */
	const char *const *extra;
	size_t extra_count;
};

/* Where distributions install OVMF. */
int firmware_find(struct firmware *ret, struct err *e) VMRT_MUST_CHECK;

void image_machine_argv(const struct image_machine *m, struct strv *ret);

#endif
