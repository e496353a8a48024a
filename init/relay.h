/* A process's stdio: real pipes on its side, ports on the host's, bytes moved between them. */
#ifndef VMRT_INIT_RELAY_H
#define VMRT_INIT_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/loop.h"
#include "lib/err.h"
#include "lib/guest.h"
#include "lib/proto.h"

#define RELAY_OUTPUTS 2

/* Buffers: what one read takes. */
#define RELAY_OUTPUT_BYTES (256 * 1024) /* 64 KiB: 200 MB/s, 32 KiB: 155 MB/s */
#define RELAY_STDIN_BYTES  (64 * 1024)
#define RELAY_EXEC_BYTES   (32 * 1024) /* of every stream of an exec session: there may be many */

struct relay;

enum relay_event {
	RELAY_DRAINED, /* what the process itself has written is in the ports */
	RELAY_ENDED,   /* nothing will be written any more: the last event */
};

typedef void relay_callback(struct relay *r, enum relay_event event);

/* A stream from the process to the host. */
struct relay_output {
	struct relay *relay;
	bool is_ended;
	int pipe_fd; /* or the terminal's master; -1: not there yet, or at its end */
	int port_fd; /* -1: not relayed; kept until relay_done(): bytes may still be on their way */
	struct loop_source pipe;
	struct loop_source port;
	enum proto_stream stream;
	uint64_t total_bytes; /* given to the port */
	uint64_t mark_bytes;  /* of them the process's own */
	size_t at;
	size_t have; /* read from the pipe, not yet taken by the port */
	uint8_t *data;
};

/* stdin: from the host to the process. */
struct relay_input {
	struct relay *relay;
	int pipe_fd; /* -1: closed; what still comes is thrown away */
	int port_fd; /* -1: not relayed; kept until relay_done() */
	bool is_ended;
	struct loop_source pipe;
	struct loop_source port;
	uint64_t received_bytes;
	uint64_t end_bytes;
	size_t at;
	size_t have;
	uint8_t *data;
};

/* The streams of one session. In static storage, as its sources have to be (loop.h). */
struct relay {
	uint16_t session;
	bool is_finishing; /* the process is dead */
	bool is_all_dead;  /* and so is everybody who may have its pipes */
	bool is_drained;   /* the events that were told */
	bool is_ended;
	int slave_fd; /* held while there is a terminal: without any the master would hang up */
	size_t input_bytes; /* of the buffers */
	size_t output_bytes;
	struct relay_output outputs[RELAY_OUTPUTS];
	struct relay_input input;
	relay_callback *on_event;
};

/* Nothing is relayed. `on_event` may end the session, with relay_done(). */
void relay_init(struct relay *r, uint16_t session, relay_callback *on_event);

/* Where the stream's port is to be put, which the relay then owns. -1: none. */
int *relay_port(struct relay *r, enum proto_stream stream);

/* Makes the pipes of the streams that have a port, owned by `uid`. `ret_ends` gets the process's
 * ends, CLOEXEC, -1 for a stream that is not relayed; the caller closes them. */
int relay_make_pipes(struct relay *r, uid_t uid, int ret_ends[PROTO_STREAM_COUNT],
		     struct err *e) VMRT_MUST_CHECK;

/* In place of pipes: takes the master of the process's terminal. -errno when it is none. */
int relay_set_terminal(struct relay *r, int master_fd) VMRT_MUST_CHECK;

/* The terminal's master; -1: there is none, or it was hung up. */
int relay_terminal(const struct relay *r);

/* Begins to move bytes. */
void relay_start(struct relay *r);

/* stdin is at its end after `total_bytes`, counted from its beginning. */
void relay_end_stdin(struct relay *r, uint64_t total_bytes);

/* Nobody reads the stream on the host: its writers get EPIPE, a terminal is hung up. */
void relay_drop_output(struct relay *r, enum proto_stream stream);

/* The process is dead, and with `is_all_dead` all others too: then what is in the pipes is all
 * there is. Both events follow, maybe before this returns. May be called again when the rest has
 * died. */
void relay_finish(struct relay *r, bool is_all_dead);

/* How many bytes of the stream the dead process itself has written. */
uint64_t relay_mark(const struct relay *r, enum proto_stream stream);

/* Closes everything, ports too. */
void relay_done(struct relay *r);

#endif
