/* What a kernel's file says of itself. */
#ifndef VMRUN_KERNEL_IMAGE_H
#define VMRUN_KERNEL_IMAGE_H

#include "lib/err.h"

enum kernel_format {
	KERNEL_FORMAT_BZIMAGE,
	KERNEL_FORMAT_ELF, /* vmlinux */
};

struct kernel_image {
	enum kernel_format format;
	char *version; /* "6.1.0-13-amd64", owned; NULL: it does not tell */
	char *config;  /* its .config (CONFIG_IKCONFIG of an ELF kernel), owned; NULL: not in it */
};

/* Refuses what QEMU cannot boot. Free with kernel_image_done(). */
int kernel_image_read(const char *path, struct kernel_image *ret, struct err *e) VMRT_MUST_CHECK;
void kernel_image_done(struct kernel_image *image);

#endif
