/* Moves the bytes of one stream between an engine's descriptor and a named pipe of QEMU's.
 *
 *   stdin:  engine's fd 0 ──relay──> FIFO ──QEMU──> port ──init──> pipe ──> process
 *   stdout: process ──> pipe ──init──> port ──QEMU──> FIFO ──relay──> engine's fd 1
 *
 * A FIFO never tells its end (QEMU opens it read-write): the end of an outgoing stream is a byte
 * count that the guest states. Nothing is buffered here: bytes are spliced, or go through one
 * bounded buffer where the kernel cannot splice, so a reader that stops stops the writer. */
#ifndef VMRT_MONITOR_RELAY_H
#define VMRT_MONITOR_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/loop/loop.h"

struct relay;

enum relay_event {
	RELAY_SOURCE_ENDED, /* incoming: end of file; relay_moved() is final */
	RELAY_MARKED,	    /* outgoing: the bytes of relay_set_mark() have passed */
	RELAY_READER_GONE,  /* outgoing: the engine's end was closed; the rest is thrown away */
	RELAY_DRAINED,	    /* outgoing: the announced number of bytes has passed */
	RELAY_OVERRUN,	    /* outgoing: more bytes than announced: the guest lied */
};

typedef void relay_callback(void *arg, enum relay_event event);

/* A relay from the engine's `fd` into the FIFO. Takes both descriptors. Idle until relay_start().
 */
struct relay *relay_new_incoming(struct loop *l, int fd, int fifo_fd, relay_callback *call,
				 void *arg);
/* A relay from the FIFO to the engine's `fd`. Takes both descriptors; works at once. */
struct relay *relay_new_outgoing(struct loop *l, int fifo_fd, int fd, relay_callback *call,
				 void *arg);
void relay_start(struct relay *r);
/* States how many bytes an outgoing stream has in all. May be called once. */
void relay_set_total(struct relay *r, uint64_t total_bytes);
/* Asks to be told when that many bytes have passed; maybe before this returns. May be called once.
 */
void relay_set_mark(struct relay *r, uint64_t mark_bytes);
/* Stops reading and closes the engine's descriptor, so that its other end learns of it. */
void relay_close(struct relay *r);
/* The other end is gone, whatever the descriptor says: as its end of file, or as its closing. */
void relay_hang_up(struct relay *r);
/* The engine's descriptor of an outgoing relay, for a last word of the monitor's; -1: closed. */
int relay_output_fd(const struct relay *r);
/* Have the bytes of the mark passed, or will none pass any more? */
bool relay_is_marked(const struct relay *r);
uint64_t relay_moved(const struct relay *r);
/* True when an outgoing relay has passed all, or an incoming one will pass no more. */
bool relay_is_done(const struct relay *r);
void relay_free(struct relay *r);

/* A descriptor of our own for the engine's `fd`: O_NONBLOCK must not be set on the open file
 * description that the engine, or a shell, shares. Takes `fd`. -1 with errno set: ENXIO means that
 * a pipe has no reader any more. */
int relay_take_stdio(int fd, bool is_input);

#endif
