/* One connection of a relayed socket, the same on both sides: bytes between a stream socket of this
 * side and the link's frames, with the window that bounds what is kept here.
 *
 * The owner has the loop and the link's queue. It gives what comes to socket_flow_take(), calls
 * socket_flow_work() after that and when the socket has an event, and then watches the socket for
 * socket_flow_events(). When `is_closed_out` the socket's work is done: it stops watching and calls
 * socket_flow_done(). Must not block, connect or accept. */
#ifndef VMRT_LIB_SOCKET_FLOW_H
#define VMRT_LIB_SOCKET_FLOW_H

#include <stdbool.h>

#include "lib/socket_link.h"

struct socket_flow {
	int fd; /* owned; -1: not connected yet, or closed */
	uint16_t connection;
	uint32_t room;	    /* bytes that the other side takes */
	uint32_t owed;	    /* bytes that were passed on, for which no CREDIT was sent */
	uint8_t *data;	    /* from the other side; NULL: none came yet */
	uint32_t at, size;  /* what of it is still to be passed on */
	bool is_deaf;	    /* the socket takes nothing any more */
	bool has_end_in;    /* the other side has said END */
	bool has_end_out;   /* this one has */
	bool is_shut;	    /* the socket was told of END */
	bool is_closed_in;  /* the other side has said CLOSE */
	bool is_closed_out; /* this one has */
};

void socket_flow_init(struct socket_flow *f, uint16_t connection);
/* Closes the socket, frees the bytes. */
void socket_flow_done(struct socket_flow *f);

/* A frame of the other side, any but OPEN. -EPROTO: it may not come now, or breaks the window. */
int socket_flow_take(struct socket_flow *f, const struct socket_frame *frame,
		     struct err *e) VMRT_MUST_CHECK;

/* Moves what can be moved; frames go to `out`. `may_read`: the link takes more data. */
void socket_flow_work(struct socket_flow *f, struct wire_out *out, bool may_read);

/* Says CLOSE: there will be no socket, because of `error`. */
void socket_flow_refuse(struct socket_flow *f, struct wire_out *out, int error);

/* What to wait for; 0: the socket must not be watched, not even for a hang-up. */
uint32_t socket_flow_events(const struct socket_flow *f, bool may_read);

/* Both sides have said CLOSE. */
bool socket_flow_is_over(const struct socket_flow *f);

#endif
