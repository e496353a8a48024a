/* The disks of the machine: devices of the host that the container was given. */
#ifndef VMRT_INIT_DISKS_H
#define VMRT_INIT_DISKS_H

#include "lib/err.h"
#include "lib/guest.h"

/* Puts the numbers that the kernel gave the disks into the nodes to be made and into the device
 * filter. Fails for a disk that is not there. */
int disks_resolve(struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

#endif
