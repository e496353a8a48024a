/* The life of the container's process as a table of states and events. Must not do what a module
 * below it does: it only decides the order.
 *
 *   BOOTED --CONTAINER--> CREATING --ready--> CREATED --START--> STARTING --exec--> RUNNING
 *                             |                  |                  |                  |
 *                           failed             death              failed             death
 *                             v                  |                  v                  v
 *                           FAILED               '------------------|------------> DRAINING
 *                             ^-------------------------------------'                  |
 *                                                                     drained, EXITED  v
 *                                                        host's FINISH, power off <-- DONE */
#include "init/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/container.h"
#include "init/control.h"
#include "init/loop.h"
#include "init/machine.h"
#include "init/marks.h"
#include "init/network.h"
#include "init/ports.h"
#include "init/relay.h"
#include "init/seccomp.h"
#include "lib/fd.h"
#include "lib/guest.h"

enum session_state {
	SESSION_BOOTED,
	SESSION_CREATING, /* the process applies the description */
	SESSION_CREATED,  /* parked before execve */
	SESSION_STARTING,
	SESSION_RUNNING,
	SESSION_DRAINING, /* dead, with all others; output on its way */
	SESSION_DONE,	  /* EXITED was sent */
	SESSION_FAILED,	  /* FAILED was sent */
	SESSION_STATE_COUNT
};

enum session_event {
	SESSION_READY,	 /* the process is parked */
	SESSION_FAILURE, /* it says why it cannot go on: session.error */
	SESSION_EXEC,	 /* its status pipe ended without a word */
	SESSION_DEATH,	 /* it was reaped and no process is left but init */
	SESSION_DRAINED,
	SESSION_START,
	SESSION_SIGNAL, /* session.signal */
	SESSION_EVENT_COUNT
};

static struct {
	enum session_state state;
	struct container_process process;
	struct loop_source status;
	struct loop_source children;
	struct guest_container container;
	int wait_status;
	bool is_reaped;
	char error[PROTO_TEXT_MAX_BYTES + 2];
	size_t error_have;
	struct {
		uint32_t token;
		uint32_t number;
		bool is_all;
	} signal;
} session = {.status.fd = -1, .children.fd = -1, .process = {-1, -1, -1}};

static void session_handle(enum session_event event);

static void session_fail(const char *text)
{
	control_send_failed(0, text);
	session.state = SESSION_FAILED;
}

static void session_ignore(void)
{
}

static void session_never(void)
{
	machine_die("session: impossible event in state %d", session.state);
}

/* The host's own state table forbids it: the two sides have lost each other. */
static void session_refuse_start(void)
{
	machine_die("session: START in state %d", session.state);
}

static void session_created(void)
{
	char text[PROTO_TEXT_MAX_BYTES];

	marks_format(text, sizeof(text));
	control_send_log(PROTO_LOG_DEBUG, "init: done at us: %s", text);
	session.state = SESSION_CREATED;
	control_send_mark(PROTO_GUEST_CREATED);
	/* Milliseconds under TCG, needed by the program only: while the host acts on CREATED. No
	 * START is taken before it is done. */
	if (machine_loopback_up() < 0)
		control_send_log(PROTO_LOG_WARN, "init: the guest has no loopback interface");
}

static void session_failed(void)
{
	session_fail(session.error);
}

static void session_start(void)
{
	struct err e;

	if (network_settle(&e) < 0) {
		session_fail(e.text);
		return;
	}
	session.state = SESSION_STARTING;
	if (write(session.process.go_fd, "", 1) < 0 && errno != EPIPE)
		machine_die("session: starting: errno %d", errno);
	fd_close(&session.process.go_fd);
}

static void session_started(void)
{
	session.state = SESSION_RUNNING;
	control_send_mark(PROTO_GUEST_STARTED);
}

static void session_died_early(void)
{
	char text[96];

	snprintf(text, sizeof(text),
		 "guest: the container's process died while it was set up "
		 "(wait status 0x%x)",
		 (unsigned int)session.wait_status);
	session_fail(text);
}

static void session_dead(void)
{
	session.state = SESSION_DRAINING;
	relay_finish();
}

static void session_exited(void)
{
	int status = session.wait_status;

	/* What the processes left in shared mappings has to be on the host before it acts. */
	sync();
	session.state = SESSION_DONE;
	if (WIFSIGNALED(status))
		control_send_exited(PROTO_EXIT_SIGNAL, (uint8_t)WTERMSIG(status));
	else
		control_send_exited(PROTO_EXIT_CODE, (uint8_t)WEXITSTATUS(status));
}

/* Every process but init and kernel threads belongs to the container, with or without a pid
 * namespace: -1 is exactly "all". */
static int session_kill(void)
{
	pid_t pid = session.signal.is_all ? -1 : session.process.pid;

	return kill(pid, (int)session.signal.number) < 0 ? errno : 0;
}

static void session_signal(void)
{
	uint32_t error = session.is_reaped ? ESRCH : (uint32_t)session_kill();

	control_send_signalled(0, session.signal.token, error);
}

/* Before its execve the process must end of any signal that ends a program, though as PID 1 of its
 * namespace without handlers it is immune to all but SIGKILL: it never runs. */
static void session_signal_parked(void)
{
	switch (session.signal.number) {
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
		if (session.signal.number <= (uint32_t)SIGRTMAX)
			session.signal.number = SIGKILL;
	}
	session_signal();
}

static void session_signal_nobody(void)
{
	control_send_signalled(0, session.signal.token, ESRCH);
}

static void (*const session_table[SESSION_STATE_COUNT][SESSION_EVENT_COUNT])(void) = {
	[SESSION_BOOTED] =
		{
			[SESSION_READY] = session_never,
			[SESSION_FAILURE] = session_never,
			[SESSION_EXEC] = session_never,
			[SESSION_DEATH] = session_never,
			[SESSION_DRAINED] = session_never,
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
			[SESSION_START] = session_start,
			[SESSION_SIGNAL] = session_signal_parked,
		},
	[SESSION_STARTING] =
		{
			[SESSION_READY] = session_never,
			[SESSION_FAILURE] = session_failed,
			[SESSION_EXEC] = session_started,
			[SESSION_DEATH] = session_dead,
			[SESSION_DRAINED] = session_never,
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
			[SESSION_START] = session_refuse_start,
			[SESSION_SIGNAL] = session_signal,
		},
	[SESSION_DRAINING] =
		{
			[SESSION_READY] = session_never,
			[SESSION_FAILURE] = session_never,
			[SESSION_EXEC] = session_never,
			[SESSION_DEATH] = session_ignore,
			[SESSION_DRAINED] = session_exited,
			[SESSION_START] =
				session_ignore, /* it crossed the death of the parked process */
			[SESSION_SIGNAL] = session_signal_nobody,
		},
	[SESSION_DONE] =
		{
			[SESSION_READY] = session_never,
			[SESSION_FAILURE] = session_never,
			[SESSION_EXEC] = session_never,
			[SESSION_DEATH] = session_ignore,
			[SESSION_DRAINED] = session_never,
			[SESSION_START] = session_ignore,
			[SESSION_SIGNAL] = session_signal_nobody,
		},
	[SESSION_FAILED] =
		{
			[SESSION_READY] = session_never,
			[SESSION_FAILURE] = session_never,
			[SESSION_EXEC] = session_ignore,
			[SESSION_DEATH] = session_ignore,
			[SESSION_DRAINED] = session_ignore,
			[SESSION_START] = session_refuse_start,
			[SESSION_SIGNAL] = session_signal_nobody,
		},
};

static void session_handle(enum session_event event)
{
	session_table[session.state][event]();
}

/* Takes what the process has said so far. */
static void session_read_status(void)
{
	char *text = session.error;

	while (session.status.fd >= 0) {
		ssize_t n = read(session.status.fd, text + session.error_have,
				 sizeof(session.error) - 1 - session.error_have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			machine_die("session: status: errno %d", errno);
		session.error_have += (size_t)n;
		if (session.error_have && text[0] == CONTAINER_STATUS_READY) {
			session.error_have--;
			memmove(text, text + 1, session.error_have);
			session_handle(SESSION_READY);
			continue;
		}
		if (n)
			continue;
		loop_remove(&session.status);
		fd_close(&session.process.status_fd);
		text[session.error_have] = '\0';
		if (text[0] != CONTAINER_STATUS_FAILED) {
			session_handle(SESSION_EXEC);
		} else {
			memmove(text, text + 1, session.error_have);
			session_handle(SESSION_FAILURE);
		}
	}
}

static void session_on_status(struct loop_source *s, uint32_t events)
{
	(void)s;
	(void)events;
	session_read_status();
}

/* Reaps everything that is dead: in a machine without other inits, all orphans come here. */
static void session_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) != 0) {
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break; /* ECHILD: nobody is left */
		if (pid != session.process.pid)
			continue;
		session.wait_status = status;
		session.is_reaped = true;
		/* A pid namespace has died with it; without one its children live on. */
		kill(-1, SIGKILL);
	}
	if (pid < 0 && session.is_reaped) {
		/* What it said before it died comes before its death. */
		session_read_status();
		session_handle(SESSION_DEATH);
	}
}

static void session_on_children(struct loop_source *s, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->fd, &info, sizeof(info)) < 0 && errno != EAGAIN)
		machine_die("session: signalfd: errno %d", errno);
	session_reap();
}

void session_init(void)
{
	sigset_t all;
	sigset_t child;
	int fd;

	for (int state = 0; state < SESSION_STATE_COUNT; state++) {
		for (int event = 0; event < SESSION_EVENT_COUNT; event++) {
			if (!session_table[state][event])
				machine_die("session: hole in the table at %d, %d", state, event);
		}
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		machine_die("signalfd: errno %d", errno);
	loop_add(&session.children, fd, EPOLLIN, session_on_children);
}

/* Errors here are the machine's own, not the container's: worth a line, not worth a failure. */
static void session_set_up_machine(const struct guest_container *c)
{
	int r = machine_seed(c->seed, sizeof(c->seed));

	if (r < 0)
		control_send_log(PROTO_LOG_WARN, "init: seeding the random pool: errno %d", -r);
	r = machine_set_clock(c->clock_realtime_ns);
	if (r < 0)
		control_send_log(PROTO_LOG_WARN, "init: setting the clock: errno %d", -r);
}

static int session_create(struct guest_container *c, struct err *e)
{
	int ends[PROTO_STREAM_COUNT] = {-1, -1, -1};
	int r = relay_init(c->process.stdio, c->process.uid, ends, e);

	ports_done();
	marks_add("stdio");
	if (!r)
		r = container_spawn(c, ends, &session.process, e);
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		fd_close(&ends[i]);
	return r;
}

void session_on_container(uint8_t *payload, size_t size)
{
	struct wire_in in;
	struct err e;

	if (session.state != SESSION_BOOTED)
		machine_die("session: CONTAINER in state %d", session.state);
	marks_add("description");
	wire_in_init(&in, payload, size);
	if (guest_container_decode(&in, &session.container) < 0)
		machine_die("session: malformed container description of %zu bytes", size);
	session_set_up_machine(&session.container);
	marks_add("seed and clock");
	seccomp_keep(&session.container.seccomp);
	if (session.container.process.is_terminal) {
		session_fail("guest: this init makes no terminals");
		return;
	}
	if (session.container.process.builtin != GUEST_BUILTIN_NONE)
		machine_die("session: the container's process must be a program");
	if (session_create(&session.container, &e) < 0) {
		session_fail(e.text);
		return;
	}
	session.state = SESSION_CREATING;
	loop_add(&session.status, session.process.status_fd, EPOLLIN, session_on_status);
	relay_start();
	guest_container_done(&session.container); /* the child has its copy */
	free(payload);
}

void session_on_start(void)
{
	session_handle(SESSION_START);
}

void session_on_signal(uint32_t token, uint32_t number, bool is_all)
{
	session.signal.token = token;
	session.signal.number = number;
	session.signal.is_all = is_all;
	session_handle(SESSION_SIGNAL);
}

void session_on_stdin_end(uint64_t total_bytes)
{
	relay_end_stdin(total_bytes);
}

void session_on_reader_gone(enum proto_stream stream)
{
	relay_drop_output(stream);
}

void session_on_drained(void)
{
	session_handle(SESSION_DRAINED);
}
