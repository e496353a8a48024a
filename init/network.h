/* The guest's network as the host describes it. */
#ifndef VMRT_INIT_NETWORK_H
#define VMRT_INIT_NETWORK_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/wire.h"

/* PROTO_HOST_NETWORK: makes the network what the payload says. False when the payload is malformed.
 * An error is kept for network_settle(), or logged when that is over. */
bool network_take(struct wire_in *in);

/* Before the program starts: the loopback is up; -errno when the last description could not be
 * applied. Later errors are warnings. */
int network_settle(struct err *e) VMRT_MUST_CHECK;

#endif
