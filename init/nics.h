/* The VM's NICs: all of them are there from the beginning, and each is the container's to see only
 * while the host has joined it with an interface. */
#ifndef VMRT_INIT_NICS_H
#define VMRT_INIT_NICS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/network.h"

/* Shows exactly the NICs of `slots` (a bit per slot). Others lose their driver, and with it their
 * interface and all that was configured on it. 0 or -errno. */
int nics_show(uint32_t slots);

/* The interface's present name. 0 or -errno. */
int nics_name(uint8_t slot, char ret_name[NETWORK_NAME_BYTES]);

#endif
