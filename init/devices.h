/* /dev as every container finds it. */
#ifndef VMRT_INIT_DEVICES_H
#define VMRT_INIT_DEVICES_H

#include "lib/err.h"
#include "lib/guest.h"

/* The nodes that are asked for, then the default nodes and links. Init's own /dev must be in view.
 */
int devices_make(int root_fd, const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

#endif
