/* The life of the container's process, driven by the host's messages and by the process. */
#ifndef VMRT_INIT_SESSION_H
#define VMRT_INIT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/proto.h"

void session_init(void);

/* The host's messages. session_on_container() takes ownership of the payload (malloc). */
void session_on_container(uint8_t *payload, size_t size);
void session_on_start(void);
void session_on_signal(uint32_t token, uint32_t number, bool is_all);
void session_on_stdin_end(uint64_t total_bytes);
void session_on_reader_gone(enum proto_stream stream);

/* From the relay: every byte of output has been given to the ports. */
void session_on_drained(void);

#endif
