/* What may happen when in the life of a container's VM: a table of [state][event].
 *
 *   BOOTING --HELLO--> CREATING --CREATED--> CREATED --start--> STARTING --STARTED--> RUNNING
 *      |                   |                    |                  |                     |
 *      |                   +-------FAILED-------|------------------+                     |
 *      |                                        +------------EXITED (killed)-------------+
 *      v                                                                                 v
 *    ENDED <----------------------- streams drained ---------------------------------- EXITED
 *
 * Pure: the monitor acts, the table decides. What the table does not allow is a violation, and a
 * guest that violates the protocol is killed. */
#ifndef VMRT_MONITOR_SESSION_H
#define VMRT_MONITOR_SESSION_H

#include "lib/proto.h"

enum session_state {
	SESSION_BOOTING,  /* QEMU runs, init has not said hello */
	SESSION_CREATING, /* the description was sent */
	SESSION_CREATED,  /* the process is parked before execve */
	SESSION_STARTING, /* START was sent */
	SESSION_RUNNING,
	SESSION_EXITED, /* the process is gone, its output may not be */
	SESSION_STATE_COUNT
};

enum session_event {
	SESSION_ON_HELLO,
	SESSION_ON_CREATED,
	SESSION_ON_STARTED,
	SESSION_ON_FAILED,
	SESSION_ON_STREAM_END,
	SESSION_ON_STDIN_CLOSED,
	SESSION_ON_EXITED,
	SESSION_ON_SIGNALLED,
	SESSION_ON_LOG,
	SESSION_ON_OOM,
	SESSION_ON_RESOLVE,
	SESSION_ON_LISTENING,
	SESSION_ON_NOTIFY,
	SESSION_EVENT_COUNT
};

enum session_action {
	SESSION_VIOLATION, /* 0: what nobody wrote down is forbidden */
	SESSION_DO_DESCRIBE,
	SESSION_DO_REPORT_CREATED,
	SESSION_DO_REPORT_STARTED,
	SESSION_DO_FAIL_CREATE,
	SESSION_DO_FAIL_START,
	SESSION_DO_END_STREAM,
	SESSION_DO_CLOSE_STDIN,
	SESSION_DO_EXIT,
	SESSION_DO_REPORT_SIGNAL,
	SESSION_DO_LOG,
	SESSION_DO_NOTE_OOM,
	SESSION_DO_RESOLVE,
	SESSION_DO_FORWARD,
	SESSION_DO_NOTIFY,
	SESSION_ACTION_COUNT
};

struct session_step {
	enum session_action action;
	enum session_state next;
};

struct session_step session_next(enum session_state state, enum session_event event);
enum session_event session_event_of(enum proto_guest_type type);
const char *session_state_name(enum session_state state);

#endif
