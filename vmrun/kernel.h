/* The kernel the VM boots, looked at and made ready. */
#ifndef VMRUN_KERNEL_H
#define VMRUN_KERNEL_H

#include "lib/err.h"
#include "vmrun/request.h"

struct kernel {
	char *image;	     /* absolute; NULL: vmrt's own; all strings are owned */
	char *version;	     /* "6.1.0-13-amd64"; NULL: not known */
	char *modules_dir;   /* a /lib/modules/VERSION for the guest; NULL: there is none */
	char *modules_files; /* where the modules themselves are, if not in modules_dir */
	char *initrd;	     /* with the modules to be loaded; NULL: none */
	const char *machine; /* of vmrt's names; NULL: the usual one */
};

/* Fails, with a list, for a kernel that lacks what the VM needs. `dir` is for files that have to be
 * made. What had to be guessed is said on standard error. Free with kernel_done(). */
int kernel_prepare(const struct request *request, const char *dir, struct kernel *ret,
		   struct err *e) VMRT_MUST_CHECK;
void kernel_done(struct kernel *k);

#endif
