/* What a VM of vmrun's needs of its kernel, and what a given kernel has of that. */
#ifndef VMRUN_KERNEL_NEEDS_H
#define VMRUN_KERNEL_NEEDS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/proc/strv.h"

/* Reasons for a need: a mask. */
enum kernel_need {
	KERNEL_NEED_ALWAYS = 1u << 0,
	KERNEL_NEED_MMIO = 1u << 1,    /* a microvm without ACPI */
	KERNEL_NEED_PCI = 1u << 2,     /* q35 */
	KERNEL_NEED_OVERLAY = 1u << 3, /* anything copy-on-write */
	KERNEL_NEED_NET = 1u << 4,
	KERNEL_NEED_DISK = 1u << 5,
	KERNEL_NEED_INITRD = 1u << 6, /* --standalone: nothing of vmrt's is in the guest */
	KERNEL_NEED_SERIAL = 1u << 7, /* the same on q35 */
};

enum kernel_support {
	KERNEL_SUPPORT_MISSING,
	KERNEL_SUPPORT_MODULE,
	KERNEL_SUPPORT_BUILTIN,
	KERNEL_SUPPORT_UNKNOWN,
};

struct kernel_facts {
	const char *config; /* text of its .config; NULL: not known */
	/* Of its modules: `find_module` tells KERNEL_SUPPORT_MODULE, BUILTIN or MISSING of a
	 * module's name. NULL: not known. */
	enum kernel_support (*find_module)(void *arg, const char *name);
	void *arg;
};

/* CONFIG_<symbol>; `module` is the name it has as a module, NULL: it cannot be one. */
enum kernel_support kernel_support_of(const struct kernel_facts *facts, const char *symbol,
				      const char *module);
/* Can it find its devices on the machine that `needs` (MMIO or PCI) stands for? Unknown if nothing
 * tells. */
enum kernel_support kernel_needs_bus(const struct kernel_facts *facts, enum kernel_need bus);
/* Appends the modules to be loaded for the reasons in `needs` to `modules`, and "CONFIG_X (what
 * for)" for each symbol that is not there to `missing`. */
void kernel_needs_list(const struct kernel_facts *facts, unsigned int needs, struct strv *modules,
		       struct strv *missing);

#endif
