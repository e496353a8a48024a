/* Which sockets of the container take connections or datagrams, for a host that opens a port of its
 * own for each (user-mode network of a container that asked for the host's). */
#ifndef VMRT_INIT_LISTENERS_H
#define VMRT_INIT_LISTENERS_H

/* Looks from now on, and tells the host at once and whenever something has changed. */
void listeners_begin(void);

#endif
