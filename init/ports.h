/* The virtio-serial ports, found by name. */
#ifndef VMRT_INIT_PORTS_H
#define VMRT_INIT_PORTS_H

/* Subscribes to the kernel's events. Before the first ports_open(). */
void ports_init(void);

/* Opens the port of that name; blocks until the host's device has appeared: the kernel learns
 * names from the host by messages, in its own time. Returns a CLOEXEC descriptor, blocking. */
int ports_open(const char *name);

/* No port is waited for any more. */
void ports_done(void);

#endif
