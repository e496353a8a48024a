/* The control link: frames in both directions over one port. The protocol is in lib/proto.h. */
#ifndef VMRT_INIT_CONTROL_H
#define VMRT_INIT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/proto.h"

/* Opens the port and says HELLO. Blocks until the host listens. */
void control_init(uint64_t boot_us);

/* The same, then waits for the WAKE of another host: see lib/proto.h. control_init() comes next. */
void control_park(struct proto_wake *ret);

/* Takes the host's frames from now on, in the loop. */
void control_start(void);

/* All of these queue a frame and write what the link takes. */
void control_send_mark(uint16_t session, enum proto_guest_type type); /* CREATED, STARTED */
void control_send_failed(uint16_t session, const char *text);
void control_send_log(enum proto_level level, const char *fmt, ...) VMRT_PRINTF(2, 3);
void control_send_stream_end(uint16_t session, enum proto_stream stream, uint64_t total_bytes);
void control_send_stdin_closed(uint16_t session);
/* `marks`: how much of stdout and stderr the process itself has written. */
void control_send_exited(uint16_t session, enum proto_exit how, uint8_t number,
			 const uint64_t marks[2]);
void control_send_oom(uint64_t count);
/* Dropped when the host does not read. */
void control_send_notify(const char *line);
void control_send_signalled(uint16_t session, uint32_t token, uint32_t error);

/* False when the host does not read: the container could fill the machine's memory with queries. */
bool control_send_resolve(uint32_t token, bool is_tcp, const void *query, uint16_t size);

/* At most PROTO_LISTENER_MAX. False when the host does not read. */
bool control_send_listening(const struct proto_listener *at, uint32_t count);

/* Only for machine_die(): a LOG error, written blocking, errors ignored. */
void control_send_last_log(const char *text);

#endif
