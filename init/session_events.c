/* What happens to the container's processes: what they say while they are set up, their ends, their
 * streams' ends and the host's messages, as events for the table. Must not decide what follows. */
#include "init/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "init/control.h"
#include "init/machine.h"
#include "init/session_internal.h"
#include "init/terminal.h"
#include "lib/fd.h"

/* The process has said all it will say: it runs its program, or is dead. */
static void session_end_status(struct session *s)
{
	loop_remove(&s->status);
	fd_close(&s->process.status_fd);
	session_handle(s, s->error[0] ? SESSION_FAILURE : SESSION_EXEC);
}

static void session_take_terminal(struct session *s, const struct msghdr *header)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(header);
	int master;
	int r;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		machine_die("session %u: a terminal without a master", s->number);
	memcpy(&master, CMSG_DATA(c), sizeof(master));
	r = relay_set_terminal(&s->relay, master);
	if (r < 0)
		machine_die("session %u: terminal: errno %d", s->number, -r);
	if (s->rows || s->columns)
		terminal_resize(master, s->rows, s->columns);
	relay_start(&s->relay);
}

static void session_take_status(struct session *s, const char *packet, size_t size,
				const struct msghdr *header)
{
	switch (packet[0]) {
	case CONTAINER_STATUS_READY:
		session_handle(s, SESSION_READY);
		break;
	case CONTAINER_STATUS_TERMINAL:
		session_take_terminal(s, header);
		break;
	default:
		/* Its end follows. */
		snprintf(s->error, sizeof(s->error), "%.*s", (int)size - 1, packet + 1);
	}
}

/* Takes what the process has said so far. */
static void session_read_status(struct session *s)
{
	while (s->status.fd >= 0) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control;
		char packet[1 + PROTO_TEXT_MAX_BYTES];
		struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
		struct msghdr header = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes),
		};
		ssize_t n = recvmsg(s->status.fd, &header, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno != ECONNRESET)
			machine_die("session %u: status: errno %d", s->number, errno);
		if (n > 0) {
			session_take_status(s, packet, (size_t)n, &header);
			continue;
		}
		session_end_status(s);
		return;
	}
}

static void session_on_status(struct loop_source *source, uint32_t events)
{
	(void)events;
	session_read_status(LOOP_OWNER(source, struct session, status));
}

void session_on_relay(struct relay *r, enum relay_event event)
{
	session_handle(LOOP_OWNER(r, struct session, relay),
		       event == RELAY_DRAINED ? SESSION_DRAINED : SESSION_ENDED);
}

/* The dead of before have spoken: what they said comes before their death. */
static void session_die(struct session *s)
{
	session_read_status(s);
	if (s->state != SESSION_FREE)
		session_handle(s, SESSION_DEATH);
}

void session_on_reaped(pid_t pid, int wait_status)
{
	for (int i = 0; i < SESSION_MAX; i++) {
		struct session *s = session_at(i);

		if (s->state == SESSION_FREE || s->process.pid != pid || s->is_reaped)
			continue;
		s->wait_status = wait_status;
		s->is_reaped = true;
		if (s->number)
			session_die(s);
		else /* A pid namespace has died with it; without one its children live on. */
			kill(-1, SIGKILL);
		return;
	}
}

void session_on_alone(void)
{
	if (!session_at(0)->is_reaped)
		return;
	/* First the others: their output has no writers any more. */
	for (int i = 1; i < SESSION_MAX; i++) {
		struct session *s = session_at(i);

		if (s->state == SESSION_DRAINING || s->state == SESSION_LINGERING)
			relay_finish(&s->relay, true);
	}
	session_begin_waiting();
	session_die(session_at(0));
}

void session_watch(struct session *s)
{
	loop_add(&s->status, s->process.status_fd, EPOLLIN, session_on_status);
	if (!session_process(s)->is_terminal)
		relay_start(&s->relay);
}

void session_on_start(void)
{
	session_handle(session_at(0), SESSION_START);
}

void session_on_signal(uint16_t number, uint32_t token, uint32_t signo, bool is_all)
{
	struct session *s = session_find(number);

	if (!s) {
		control_send_signalled(number, token, ESRCH);
		return;
	}
	s->signal.token = token;
	s->signal.number = signo;
	s->signal.is_all = is_all && !number;
	session_handle(s, SESSION_SIGNAL);
}

void session_on_stdin_end(uint16_t number, uint64_t total_bytes)
{
	struct session *s = session_find(number);

	if (s)
		relay_end_stdin(&s->relay, total_bytes);
}

void session_on_reader_gone(uint16_t number, enum proto_stream stream)
{
	struct session *s = session_find(number);

	if (s)
		relay_drop_output(&s->relay, stream);
}

void session_on_resize(uint16_t number, uint16_t rows, uint16_t columns)
{
	struct session *s = session_find(number);

	if (!s)
		return;
	/* The terminal may not be there yet. */
	s->rows = rows;
	s->columns = columns;
	if (relay_terminal(&s->relay) >= 0)
		terminal_resize(relay_terminal(&s->relay), rows, columns);
}
