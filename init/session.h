/* The lives of the container's processes - its own, and those of exec sessions - driven by the
 * host's messages and by the processes. */
#ifndef VMRT_INIT_SESSION_H
#define VMRT_INIT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/proto.h"

void session_init(void);

/* The host's messages; `number` 0 is the container's own process. The first two take ownership of
 * the payload (malloc). */
void session_on_container(uint8_t *payload, size_t size);
void session_on_exec(uint16_t number, uint8_t *payload, size_t size);
void session_on_start(void);
void session_on_signal(uint16_t number, uint32_t token, uint32_t signo, bool is_all);
void session_on_stdin_end(uint16_t number, uint64_t total_bytes);
void session_on_reader_gone(uint16_t number, enum proto_stream stream);
void session_on_resize(uint16_t number, uint16_t rows, uint16_t columns);

/* From the reaper. A process has ended: any, orphans too. */
void session_on_reaped(pid_t pid, int wait_status);
/* No process is left but init. */
void session_on_alone(void);

#endif
