/* The virtio-serial ports, found by name. */
#ifndef VMRT_INIT_PORTS_H
#define VMRT_INIT_PORTS_H

/* Subscribes to the kernel's events and looks at what is there. Before the first ports_open(). */
void ports_init(void);

/* Opens the port of that name; blocks until the host's device has appeared: the kernel learns
 * names from the host by messages, in its own time. Returns a CLOEXEC descriptor, blocking. */
int ports_open(const char *name);

/* As ports_open(), without waiting: -ENOENT when there is no such port yet. */
int ports_try_open(const char *name);

/* From now on the loop takes the kernel's events, and calls when a port has got a name. */
void ports_watch(void (*on_named)(void));

#endif
