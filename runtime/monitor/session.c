/* The transition table of a guest session. Must not act. */
#include "runtime/monitor/session.h"

#define STAY(state, act)                                                                           \
	{                                                                                          \
		.action = (act), .next = (state)                                                   \
	}
#define GO(to, act)                                                                                \
	{                                                                                          \
		.action = (act), .next = (to)                                                      \
	}

/* The guest's log and the answer to a signal may come at any time after hello; a stream may end
 * and stdin may be closed only by a process that was started, or was killed before it was. */
static const struct session_step session_table[SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
	[SESSION_BOOTING] =
		{
			[SESSION_ON_HELLO] = GO(SESSION_CREATING, SESSION_DO_DESCRIBE),
		},
	[SESSION_CREATING] =
		{
			[SESSION_ON_CREATED] = GO(SESSION_CREATED, SESSION_DO_REPORT_CREATED),
			[SESSION_ON_FAILED] = GO(SESSION_EXITED, SESSION_DO_FAIL_CREATE),
			[SESSION_ON_LOG] = STAY(SESSION_CREATING, SESSION_DO_LOG),
			[SESSION_ON_OOM] = STAY(SESSION_CREATING, SESSION_DO_NOTE_OOM),
		},
	[SESSION_CREATED] =
		{
			[SESSION_ON_STREAM_END] = STAY(SESSION_CREATED, SESSION_DO_END_STREAM),
			[SESSION_ON_STDIN_CLOSED] = STAY(SESSION_CREATED, SESSION_DO_CLOSE_STDIN),
			[SESSION_ON_EXITED] = GO(SESSION_EXITED, SESSION_DO_EXIT),
			[SESSION_ON_SIGNALLED] = STAY(SESSION_CREATED, SESSION_DO_REPORT_SIGNAL),
			[SESSION_ON_LOG] = STAY(SESSION_CREATED, SESSION_DO_LOG),
			[SESSION_ON_OOM] = STAY(SESSION_CREATED, SESSION_DO_NOTE_OOM),
		},
	[SESSION_STARTING] =
		{
			[SESSION_ON_STARTED] = GO(SESSION_RUNNING, SESSION_DO_REPORT_STARTED),
			[SESSION_ON_FAILED] = GO(SESSION_EXITED, SESSION_DO_FAIL_START),
			[SESSION_ON_STREAM_END] = STAY(SESSION_STARTING, SESSION_DO_END_STREAM),
			[SESSION_ON_STDIN_CLOSED] = STAY(SESSION_STARTING, SESSION_DO_CLOSE_STDIN),
			[SESSION_ON_EXITED] = GO(SESSION_EXITED, SESSION_DO_EXIT),
			[SESSION_ON_SIGNALLED] = STAY(SESSION_STARTING, SESSION_DO_REPORT_SIGNAL),
			[SESSION_ON_LOG] = STAY(SESSION_STARTING, SESSION_DO_LOG),
			[SESSION_ON_OOM] = STAY(SESSION_STARTING, SESSION_DO_NOTE_OOM),
			[SESSION_ON_RESOLVE] = STAY(SESSION_STARTING, SESSION_DO_RESOLVE),
			[SESSION_ON_LISTENING] = STAY(SESSION_STARTING, SESSION_DO_FORWARD),
			[SESSION_ON_NOTIFY] = STAY(SESSION_STARTING, SESSION_DO_NOTIFY),
		},
	[SESSION_RUNNING] =
		{
			[SESSION_ON_STREAM_END] = STAY(SESSION_RUNNING, SESSION_DO_END_STREAM),
			[SESSION_ON_STDIN_CLOSED] = STAY(SESSION_RUNNING, SESSION_DO_CLOSE_STDIN),
			[SESSION_ON_EXITED] = GO(SESSION_EXITED, SESSION_DO_EXIT),
			[SESSION_ON_SIGNALLED] = STAY(SESSION_RUNNING, SESSION_DO_REPORT_SIGNAL),
			[SESSION_ON_LOG] = STAY(SESSION_RUNNING, SESSION_DO_LOG),
			[SESSION_ON_OOM] = STAY(SESSION_RUNNING, SESSION_DO_NOTE_OOM),
			[SESSION_ON_RESOLVE] = STAY(SESSION_RUNNING, SESSION_DO_RESOLVE),
			[SESSION_ON_LISTENING] = STAY(SESSION_RUNNING, SESSION_DO_FORWARD),
			[SESSION_ON_NOTIFY] = STAY(SESSION_RUNNING, SESSION_DO_NOTIFY),
		},
	[SESSION_EXITED] =
		{
			/* Of exec sessions: others may hold their streams. The container's own
			 * streams have ended before. */
			[SESSION_ON_STREAM_END] = STAY(SESSION_EXITED, SESSION_DO_END_STREAM),
			[SESSION_ON_STDIN_CLOSED] = STAY(SESSION_EXITED, SESSION_DO_CLOSE_STDIN),
			[SESSION_ON_SIGNALLED] = STAY(SESSION_EXITED, SESSION_DO_REPORT_SIGNAL),
			[SESSION_ON_LOG] = STAY(SESSION_EXITED, SESSION_DO_LOG),
			[SESSION_ON_OOM] = STAY(SESSION_EXITED, SESSION_DO_NOTE_OOM),
			[SESSION_ON_RESOLVE] = STAY(SESSION_EXITED, SESSION_DO_RESOLVE),
			[SESSION_ON_LISTENING] = STAY(SESSION_EXITED, SESSION_DO_FORWARD),
			[SESSION_ON_NOTIFY] = STAY(SESSION_EXITED, SESSION_DO_NOTIFY),
		},
};

struct session_step session_next(enum session_state state, enum session_event event)
{
	return session_table[state][event];
}

enum session_event session_event_of(enum proto_guest_type type)
{
	switch (type) {
	case PROTO_GUEST_HELLO:
		return SESSION_ON_HELLO;
	case PROTO_GUEST_CREATED:
		return SESSION_ON_CREATED;
	case PROTO_GUEST_STARTED:
		return SESSION_ON_STARTED;
	case PROTO_GUEST_FAILED:
		return SESSION_ON_FAILED;
	case PROTO_GUEST_STREAM_END:
		return SESSION_ON_STREAM_END;
	case PROTO_GUEST_STDIN_CLOSED:
		return SESSION_ON_STDIN_CLOSED;
	case PROTO_GUEST_EXITED:
		return SESSION_ON_EXITED;
	case PROTO_GUEST_SIGNALLED:
		return SESSION_ON_SIGNALLED;
	case PROTO_GUEST_LOG:
		return SESSION_ON_LOG;
	case PROTO_GUEST_OOM:
		return SESSION_ON_OOM;
	case PROTO_GUEST_RESOLVE:
		return SESSION_ON_RESOLVE;
	case PROTO_GUEST_LISTENING:
		return SESSION_ON_LISTENING;
	case PROTO_GUEST_NOTIFY:
		return SESSION_ON_NOTIFY;
	}
	return SESSION_EVENT_COUNT; /* not reached: proto_guest_parse() lets nothing else through */
}

const char *session_state_name(enum session_state state)
{
	static const char *const names[SESSION_STATE_COUNT] = {
		[SESSION_BOOTING] = "booting", [SESSION_CREATING] = "creating",
		[SESSION_CREATED] = "created", [SESSION_STARTING] = "starting",
		[SESSION_RUNNING] = "running", [SESSION_EXITED] = "exited",
	};

	return names[state];
}
