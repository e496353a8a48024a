/* What session.c (the lives), session_begin.c (their beginnings) and session_events.c (what happens
 * to them) share. */
#ifndef VMRT_INIT_SESSION_INTERNAL_H
#define VMRT_INIT_SESSION_INTERNAL_H

#include "init/container.h"
#include "init/loop.h"
#include "init/relay.h"
#include "init/session.h"
#include "lib/guest.h"

#define SESSION_MAX 129 /* the container's own, and what the monitor allows at a time */

enum session_state {
	SESSION_FREE, /* no session; the container's own is never free */
	SESSION_BOOTED,
	SESSION_CREATING, /* the process applies the description */
	SESSION_CREATED,  /* parked before execve */
	SESSION_WAITING,  /* exec: for its ports */
	SESSION_STARTING,
	SESSION_RUNNING,
	SESSION_DRAINING,  /* dead; output on its way */
	SESSION_LINGERING, /* its own output is on the host's side */
	SESSION_CLOSING,   /* the container's own: waits for the others */
	SESSION_DONE,	   /* the container's own: EXITED was sent, or what it sent is on its way */
	SESSION_FAILED,	   /* FAILED was sent */
	SESSION_STATE_COUNT
};

enum session_event {
	SESSION_READY,	 /* the process is parked */
	SESSION_FAILURE, /* it says why it cannot go on: s->error */
	SESSION_EXEC,	 /* its status pipe ended without a word */
	SESSION_DEATH,	 /* exec: it was reaped. Container: and no process is left but init */
	SESSION_DRAINED,
	SESSION_ENDED, /* its output, whoever wrote it */
	SESSION_START,
	SESSION_SIGNAL, /* s->signal */
	SESSION_EVENT_COUNT
};

struct session {
	enum session_state state;
	uint16_t number;
	bool is_reaped;
	struct container_process process;
	int wait_status;
	struct loop_source status;
	struct relay relay;
	uint8_t *payload; /* owned: what the description points into */
	struct guest_process exec;
	uint16_t rows; /* of its terminal, the last that the host said */
	uint16_t columns;
	char error[PROTO_TEXT_MAX_BYTES + 2];
	struct {
		uint32_t token;
		uint32_t number;
		bool is_all;
	} signal;
};

/* NULL when there is none: it has ended, and the host did not know yet. Number 0 always is. */
struct session *session_find(uint16_t number);
/* For looking at all slots, up to SESSION_MAX. */
struct session *session_at(int index);
/* Dies when it exists or is one too many: the host counts. */
struct session *session_new(uint16_t number);
/* Says FAILED. The slot is free afterwards unless there is a process to wait for. */
void session_fail(struct session *s, const char *text);
/* The table's answer to an event. */
void session_handle(struct session *s, enum session_event event);

/* session_events.c: the relay's events. */
void session_on_relay(struct relay *r, enum relay_event event);
/* Watches what the process of a session says, and moves bytes: of a terminal when it is there. */
void session_watch(struct session *s);

/* session_begin.c: what it was begun with. */
const struct guest_process *session_process(const struct session *s);
/* Begins the exec sessions whose ports have come; those that came too late for
 * the container fail. */
void session_begin_waiting(void);

#endif
