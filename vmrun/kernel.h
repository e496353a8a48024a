/* The kernel the VM boots. */
#ifndef VMRUN_KERNEL_H
#define VMRUN_KERNEL_H

#include "lib/err.h"
#include "vmrun/request.h"

struct kernel {
	char *image;	     /* absolute; NULL: vmrt's own; all strings are owned */
	char *version;	     /* "6.1.0-13-amd64"; NULL: not known or not needed */
	char *modules_dir;   /* holds the modules of that version; NULL: none are known */
	char *initrd;	     /* with the modules it needs; NULL: none */
	const char *machine; /* of vmrt's names; NULL: the usual one */
};

void kernel_done(struct kernel *k);

#endif
