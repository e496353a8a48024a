/* For a container in the host's network: what it does not find at a loopback address of its own it
 * finds at the host's. */
#ifndef VMRT_INIT_LOOPBACK_H
#define VMRT_INIT_LOOPBACK_H

#include "lib/network.h"

/* From now on connections and datagrams to 127.0.0.0/8 and ::1, at ports where nobody is in the
 * guest, go to the gateways of the description, which are the host's loopback addresses. */
void loopback_begin(const struct network *n);

#endif
