/* The container's service notification socket (sd_notify(3)): bound here, read by init, whose lines
 * go to the host. A socket in the share has no one behind it: the host's is of another kernel. */
#ifndef VMRT_INIT_NOTIFY_H
#define VMRT_INIT_NOTIFY_H

#include "lib/err.h"
#include "lib/guest.h"

/* Makes the socket and relays what comes, in the loop; nothing when the container asks for none. */
void notify_open(const struct guest_container *c);

/* In the container's process, before its root is final: the socket appears where it is expected. */
int notify_mount(int root_fd, const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

#endif
