/* /dev as every container finds it. */
#ifndef VMRT_INIT_DEVICES_H
#define VMRT_INIT_DEVICES_H

#include "lib/err.h"

/* The default nodes and links. Init's own /dev must be in view. */
int devices_make(int root_fd, struct err *e) VMRT_MUST_CHECK;

#endif
