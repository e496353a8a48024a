/* 127.0.0.11 in the guest: the address of docker's DNS server, which answers on the host only. */
#ifndef VMRT_INIT_RESOLVER_H
#define VMRT_INIT_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

/* Listens from the first time it is wanted. The loopback must be up. */
void resolver_set(bool is_wanted);

/* Is it one of the sockets that listen here? They are nobody else's business. */
bool resolver_has_socket(uint32_t inode);

/* The rest of `in` is the answer to the query with that token; empty: there is none. */
void resolver_on_answer(uint32_t token, struct wire_in *in);

#endif
