/* The process's stdio: real pipes on its side, ports on the host's, bytes moved between them. */
#ifndef VMRT_INIT_RELAY_H
#define VMRT_INIT_RELAY_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/guest.h"
#include "lib/proto.h"

/* Makes the pipes of the streams that are relayed, owned by `uid`, and opens their ports (blocks
 * until they are there). `ret_ends` gets the process's ends, CLOEXEC, -1 for a stream that is not
 * relayed; the caller closes them. */
int relay_init(const uint8_t stdio[PROTO_STREAM_COUNT], uid_t uid, int ret_ends[PROTO_STREAM_COUNT],
	       struct err *e) VMRT_MUST_CHECK;

/* Begins to move bytes. */
void relay_start(void);

/* stdin is at its end after `total_bytes`, counted from its beginning. */
void relay_end_stdin(uint64_t total_bytes);

/* Nobody reads the stream on the host: its writers get EPIPE. */
void relay_drop_output(enum proto_stream stream);

/* No process is left that could write: what is in the pipes is all there is. Calls
 * session_on_drained() when it has been written to the ports, maybe before returning. */
void relay_finish(void);

#endif
