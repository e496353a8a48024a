/* Kernel modules that came in the initramfs, for kernels that are not ours. */
#ifndef VMRT_INIT_MODULES_H
#define VMRT_INIT_MODULES_H

/* Loads what /modules/list names, in its order: a file of /modules in each line, parameters behind
 * a blank. Nothing happens without that file; dies when a module cannot be loaded. */
void modules_load(void);

#endif
