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

/* What is not over: a connection is when its process has closed it, and the host has said that the
 * server has everything or takes nothing any more. */
struct sockets_rest {
	uint32_t connections; /* a queue of those that are not accepted yet counts as one */
	uint64_t moved_bytes; /* over the link, both ways, ever */
};
struct sockets_rest sockets_rest(void);

#endif
