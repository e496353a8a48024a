/* A loopback address of the guest at which a DNS server of the host's answers: docker's at
 * 127.0.0.11, or in the host's network that of the host. */
#ifndef VMRT_INIT_RESOLVER_H
#define VMRT_INIT_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

/* Listens at the first address that it is given; 0: none yet. The loopback must be up. */
void resolver_set(uint32_t address);

/* Is it one of the sockets that listen here? They are nobody else's business. */
bool resolver_has_socket(uint32_t inode);

/* The rest of `in` is the answer to the query with that token; empty: there is none. */
void resolver_on_answer(uint32_t token, struct wire_in *in);

#endif
