/* The host's Unix stream sockets in the container: init listens in their place. */
#ifndef VMRT_INIT_SOCKETS_H
#define VMRT_INIT_SOCKETS_H

#include "lib/err.h"
#include "lib/guest.h"

#define SOCKETS_PATH_BYTES 32

/* Listens, with the owners and modes of the host's; nothing without any. Before the container's
 * process is made. */
int sockets_open(const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

/* Where number `index` is, to be mounted. */
void sockets_path(uint32_t index, char path[SOCKETS_PATH_BYTES]);

#endif
