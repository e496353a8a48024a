/* The lives of the container's processes as one table of states and events. Must not do what a
 * module below it does: it only decides the order.
 *
 *   BOOTED --CONTAINER--> CREATING --ready--> CREATED --START--> STARTING --exec--> RUNNING
 *                             |                  |                  |                  |
 *                           failed             death              failed             death
 *                             v                  |                  v                  v
 *                           FAILED               '------------------|------------> DRAINING
 *                             ^-------------------------------------'                  |
 *                                             its own output is out, EXITED            v
 *                         host's FINISH, power off <-- DONE <-- all ended -- LINGERING
 *
 * An exec session begins as WAITING for its ports and goes from there to STARTING; its slot is
 * free after DONE, or after FAILED and its process's death. LINGERING: processes it has left behind
 * hold its output open, as they may. The container's own session gets DEATH when no process at all
 * is left, and its EXITED waits for the others': it is the last word of the machine. */
#include "init/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/control.h"
#include "init/drain.h"
#include "init/machine.h"
#include "init/marks.h"
#include "init/network.h"
#include "init/oom.h"
#include "init/session_internal.h"
#include "lib/fd.h"

/* How long the container's end waits for the readers of exec sessions. */
#define SESSION_PATIENCE_S 10

static struct loop_source session_patience = {.fd = -1};

/* SIGKILL came for a container that had ended: nothing of it is waited for any more. */
static bool session_is_hurried;

/* Number 0 is at 0. */
static struct session session_slots[SESSION_MAX];

/* Of the container's own session nothing is taken back: the machine goes with it. */
static void session_free(struct session *s)
{
	if (!s->number)
		return;
	loop_remove(&s->status);
	fd_close(&s->process.status_fd);
	relay_done(&s->relay);
	guest_process_done(&s->exec);
	free(s->payload);
	s->payload = NULL;
	s->state = SESSION_FREE;
}

static bool session_is_last(const struct session *s)
{
	for (int i = 0; i < SESSION_MAX; i++) {
		if (&session_slots[i] != s && session_slots[i].state != SESSION_FREE)
			return false;
	}
	return true;
}

static void session_send_exited(const struct session *s)
{
	const uint64_t marks[2] = {relay_mark(&s->relay, PROTO_STDOUT),
				   relay_mark(&s->relay, PROTO_STDERR)};
	int status = s->wait_status;

	oom_report();
	if (WIFSIGNALED(status))
		control_send_exited(s->number, PROTO_EXIT_SIGNAL, (uint8_t)WTERMSIG(status), marks);
	else
		control_send_exited(s->number, PROTO_EXIT_CODE, (uint8_t)WEXITSTATUS(status),
				    marks);
}

/* No process is left, and nobody reads what an exec session wrote. */
static void session_on_patience(struct loop_source *source, uint32_t events)
{
	(void)events;
	loop_remove(source);
	for (int i = 1; i < SESSION_MAX; i++) {
		if (session_slots[i].state == SESSION_FREE)
			continue;
		relay_drop_output(&session_slots[i].relay, PROTO_STDOUT);
		relay_drop_output(&session_slots[i].relay, PROTO_STDERR);
	}
}

static void session_lose_patience_later(void)
{
	const struct itimerspec when = {.it_value.tv_sec = SESSION_PATIENCE_S};
	static bool is_set;
	int fd;

	if (is_set)
		return;
	is_set = true;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) < 0)
		machine_die("session: timer: errno %d", errno);
	loop_add(&session_patience, fd, EPOLLIN, session_on_patience);
}

static void session_say_container_ended(void)
{
	session_send_exited(&session_slots[0]);
}

/* The container's end, unless somebody has still something to say, or the kernel to send. */
static void session_finish_container(void)
{
	struct session *s = &session_slots[0];

	if (s->state != SESSION_CLOSING)
		return;
	if (!session_is_last(s)) {
		session_lose_patience_later();
		return;
	}
	s->state = SESSION_DONE;
	machine_sync_to_host();
	drain_wait(session_say_container_ended);
	if (session_is_hurried)
		drain_stop();
}

static void session_gone(struct session *s)
{
	session_free(s);
	session_finish_container();
}

void session_fail(struct session *s, const char *text)
{
	/* Its streams have nothing to say after this. */
	if (s->number)
		relay_done(&s->relay);
	control_send_failed(s->number, text);
	s->state = SESSION_FAILED;
	if (s->number && (s->process.pid < 0 || s->is_reaped))
		session_gone(s);
}

static void session_failed(struct session *s)
{
	session_fail(s, s->error);
}

static void session_ignore(struct session *s)
{
	(void)s;
}

static void session_never(struct session *s)
{
	machine_die("session %u: impossible event in state %d", s->number, s->state);
}

/* The host's own state table forbids it: the two sides have lost each other. */
static void session_refuse_start(struct session *s)
{
	machine_die("session %u: START in state %d", s->number, s->state);
}

static void session_created(struct session *s)
{
	char text[PROTO_TEXT_MAX_BYTES];

	marks_format(text, sizeof(text));
	control_send_log(PROTO_LOG_DEBUG, "init: done at us: %s", text);
	s->state = SESSION_CREATED;
	control_send_mark(s->number, PROTO_GUEST_CREATED);
	/* Milliseconds under TCG, needed by the program only: while the host acts on CREATED. No
	 * START is taken before it is done. */
	if (machine_loopback_up() < 0)
		control_send_log(PROTO_LOG_WARN, "init: the guest has no loopback interface");
}

static void session_start(struct session *s)
{
	struct err e;

	if (network_settle(&e) < 0) {
		session_fail(s, e.text);
		return;
	}
	s->state = SESSION_STARTING;
	if (write(s->process.go_fd, "", 1) < 0 && errno != EPIPE)
		machine_die("session: starting: errno %d", errno);
	fd_close(&s->process.go_fd);
}

static void session_started(struct session *s)
{
	s->state = SESSION_RUNNING;
	control_send_mark(s->number, PROTO_GUEST_STARTED);
}

static void session_died_early(struct session *s)
{
	char text[96];

	snprintf(text, sizeof(text),
		 "guest: the container's process died while it was set up "
		 "(wait status 0x%x)",
		 (unsigned int)s->wait_status);
	session_fail(s, text);
}

static void session_dead(struct session *s)
{
	s->state = SESSION_DRAINING;
	relay_finish(&s->relay, !s->number);
}

static void session_drained(struct session *s)
{
	s->state = SESSION_LINGERING;
	if (s->number)
		session_send_exited(s);
}

static void session_ended(struct session *s)
{
	s->state = SESSION_CLOSING;
	session_gone(s);
}

/* Every process but init and kernel threads belongs to the container, with or without a pid
 * namespace: -1 is exactly "all". */
static int session_kill(const struct session *s)
{
	pid_t pid = s->signal.is_all ? -1 : s->process.pid;

	return kill(pid, (int)s->signal.number) < 0 ? errno : 0;
}

static void session_signal_nobody(struct session *s)
{
	control_send_signalled(s->number, s->signal.token, ESRCH);
}

/* It has a status, and the host waits for it only for some seconds after SIGKILL. */
static void session_signal_dead(struct session *s)
{
	session_signal_nobody(s);
	if (s->number || s->signal.number != SIGKILL)
		return;
	session_is_hurried = true;
	if (s->state == SESSION_DONE)
		drain_stop();
}

static void session_signal(struct session *s)
{
	if (s->is_reaped)
		session_signal_dead(s);
	else
		control_send_signalled(s->number, s->signal.token, (uint32_t)session_kill(s));
}

/* Before its execve the process must end of any signal that ends a program, though as PID 1 of its
 * namespace without handlers it is immune to all but SIGKILL: it never runs. */
static void session_signal_parked(struct session *s)
{
	switch (s->signal.number) {
	case 0:
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		break;
	default:
		if (s->signal.number <= (uint32_t)SIGRTMAX)
			s->signal.number = SIGKILL;
	}
	session_signal(s);
}

static void (*const session_table[SESSION_STATE_COUNT][SESSION_EVENT_COUNT])(struct session *) =
	{
		[SESSION_FREE] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_never,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_never,
				[SESSION_SIGNAL] = session_never,
			},
		[SESSION_BOOTED] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_never,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_refuse_start,
				[SESSION_SIGNAL] = session_signal_nobody,
			},
		[SESSION_CREATING] =
			{
				[SESSION_READY] = session_created,
				[SESSION_FAILURE] = session_failed,
				[SESSION_EXEC] = session_ignore, /* its death follows */
				[SESSION_DEATH] = session_died_early,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_refuse_start,
				[SESSION_SIGNAL] = session_signal_parked,
			},
		[SESSION_CREATED] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_failed,
				[SESSION_EXEC] = session_ignore, /* its death follows */
				[SESSION_DEATH] = session_dead,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_start,
				[SESSION_SIGNAL] = session_signal_parked,
			},
		[SESSION_WAITING] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_never,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_never,
				[SESSION_SIGNAL] = session_signal_nobody,
			},
		[SESSION_STARTING] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_failed,
				[SESSION_EXEC] = session_started,
				[SESSION_DEATH] = session_dead,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_refuse_start,
				[SESSION_SIGNAL] = session_signal,
			},
		[SESSION_RUNNING] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_dead,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_refuse_start,
				[SESSION_SIGNAL] = session_signal,
			},
		[SESSION_DRAINING] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_ignore,
				[SESSION_DRAINED] = session_drained,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_ignore, /* it crossed the death of the
								     parked process */
				[SESSION_SIGNAL] = session_signal_dead,
			},
		[SESSION_LINGERING] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_ignore,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_ended,
				[SESSION_START] = session_ignore,
				[SESSION_SIGNAL] = session_signal_dead,
			},
		[SESSION_CLOSING] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_ignore,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_ignore,
				[SESSION_SIGNAL] = session_signal_dead,
			},
		[SESSION_DONE] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_never,
				[SESSION_DEATH] = session_ignore,
				[SESSION_DRAINED] = session_never,
				[SESSION_ENDED] = session_never,
				[SESSION_START] = session_ignore,
				[SESSION_SIGNAL] = session_signal_dead,
			},
		[SESSION_FAILED] =
			{
				[SESSION_READY] = session_never,
				[SESSION_FAILURE] = session_never,
				[SESSION_EXEC] = session_ignore,
				[SESSION_DEATH] = session_gone,
				[SESSION_DRAINED] = session_ignore,
				[SESSION_ENDED] = session_ignore,
				[SESSION_START] = session_refuse_start,
				[SESSION_SIGNAL] = session_signal_nobody,
			},
};

void session_handle(struct session *s, enum session_event event)
{
	session_table[s->state][event](s);
}

static void session_reset(struct session *s, uint16_t number, enum session_state state)
{
	*s = (struct session){
		.state = state,
		.number = number,
		.process = CONTAINER_PROCESS_NONE,
		.status.fd = -1,
	};
	relay_init(&s->relay, number, session_on_relay);
}

void session_init(void)
{
	for (int state = 0; state < SESSION_STATE_COUNT; state++) {
		for (int event = 0; event < SESSION_EVENT_COUNT; event++) {
			if (!session_table[state][event])
				machine_die("session: hole in the table at %d, %d", state, event);
		}
	}
	session_reset(&session_slots[0], 0, SESSION_BOOTED);
}

struct session *session_find(uint16_t number)
{
	for (int i = 0; i < SESSION_MAX; i++) {
		if (session_slots[i].state != SESSION_FREE && session_slots[i].number == number)
			return &session_slots[i];
	}
	return NULL;
}

struct session *session_at(int index)
{
	return &session_slots[index];
}

struct session *session_new(uint16_t number)
{
	struct session *s = session_slots + 1;

	while (s < session_slots + SESSION_MAX && s->state != SESSION_FREE)
		s++;
	if (session_find(number) || s == session_slots + SESSION_MAX)
		machine_die("session: EXEC of session %u, which exists or is one too many", number);
	session_reset(s, number, SESSION_WAITING);
	return s;
}
