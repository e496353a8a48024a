/* A kernel's modules: which there are, and an initramfs of those that have to be loaded. */
#ifndef VMRUN_MODULES_H
#define VMRUN_MODULES_H

#include "lib/err.h"
#include "runtime/proc/strv.h"
#include "vmrun/kernel_needs.h"

struct modules;

/* `dir` is a /lib/modules/VERSION. One that depmod never saw (out of an unpacked package) gets its
 * indexes made in `scratch`, an existing directory. Free with modules_free(). */
int modules_open(const char *dir, const char *version, const char *scratch, struct modules **ret,
		 struct err *e) VMRT_MUST_CHECK;
void modules_free(struct modules *m);

/* For struct kernel_facts; `arg` is the struct modules. */
enum kernel_support modules_find(void *arg, const char *name);
/* The directory of indexes: `dir`, or that in `scratch`. */
const char *modules_index_dir(const struct modules *m);

/* Writes the initramfs that init/modules.h reads: the modules named and what they depend on, in
 * the order of loading. */
int modules_write_initrd(struct modules *m, const struct strv *names, const char *path,
			 struct err *e) VMRT_MUST_CHECK;

#endif
