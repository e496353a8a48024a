/* Another program as PID 1, in place of vmrt-init. */
#ifndef VMRT_INIT_STANDALONE_H
#define VMRT_INIT_STANDALONE_H

/* Returns when the initramfs has no STANDALONE_DIR. Otherwise loads the modules that are there and
 * becomes the program, which finds the initramfs as its root, nothing mounted, itself as /init, and
 * the console as its three streams. The host is told nothing: io.vmrt.init=own. */
void standalone_become(void);

#endif
