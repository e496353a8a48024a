/* How sessions begin: from the host's description to a process. Must not know how they go on. */
#include <stdio.h>

#include "init/control.h"
#include "init/disks.h"
#include "init/rootdisk.h"
#include "init/machine.h"
#include "init/marks.h"
#include "init/notify.h"
#include "init/ports.h"
#include "init/seccomp.h"
#include "init/userns.h"
#include "init/session_internal.h"
#include "init/sockets.h"
#include "lib/fd.h"

#define SESSION_PORT_BYTES 32

/* The container's own, kept: exec sessions are made to its measure. Its strings are in the payload
 * of session 0. */
static struct guest_container session_container;

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

const struct guest_process *session_process(const struct session *s)
{
	return s->number ? &s->exec : &session_container.process;
}

/* Makes the pipes and the process; the ports are there. */
static int session_spawn(struct session *s, struct err *e)
{
	const struct guest_process *p = session_process(s);
	int ends[PROTO_STREAM_COUNT] = {-1, -1, -1};
	int r = p->is_terminal ? 0
			       : relay_make_pipes(&s->relay, userns_uid(&session_container, p->uid),
						  ends, e);

	if (!r && s->number)
		r = container_spawn_exec(&session_container, &session_find(0)->process, p, ends,
					 &s->process, e);
	else if (!r)
		r = container_spawn(&session_container, ends, &s->process, e);
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		fd_close(&ends[i]);
	if (r < 0)
		return r;
	s->state = s->number ? SESSION_STARTING : SESSION_CREATING;
	session_watch(s);
	return 0;
}

/* Opens the ports that are there. True when all are. */
static bool session_open_ports(struct session *s, bool may_block)
{
	static const char *const names[PROTO_STREAM_COUNT] = {"stdin", "stdout", "stderr"};

	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		int *port = relay_port(&s->relay, i);
		char name[SESSION_PORT_BYTES];

		if (session_process(s)->stdio[i] != GUEST_STDIO_PIPE || *port >= 0)
			continue;
		snprintf(name, sizeof(name), PROTO_PORT_FORMAT, s->number, names[i]);
		*port = may_block ? ports_open(name) : ports_try_open(name);
		if (*port < 0)
			return false;
	}
	return true;
}

void session_on_container(uint8_t *payload, size_t size)
{
	struct session *s = session_find(0);
	struct wire_in in;
	struct err e;
	int r;

	if (s->state != SESSION_BOOTED)
		machine_die("session: CONTAINER in state %d", s->state);
	marks_add("description");
	s->payload = payload;
	wire_in_init(&in, payload, size);
	if (guest_container_decode(&in, &session_container) < 0)
		machine_die("session: malformed container description of %zu bytes", size);
	session_set_up_machine(&session_container);
	marks_add("seed and clock");
	seccomp_keep(&session_container.seccomp);
	if (session_container.process.builtin != GUEST_BUILTIN_NONE)
		machine_die("session: the container's process must be a program");
	notify_open(&session_container);
	r = sockets_open(&session_container, &e);
	session_open_ports(s, true);
	ports_watch(session_begin_waiting);
	marks_add("stdio");
	if (r < 0 || disks_resolve(&session_container, &e) < 0 ||
	    rootdisk_mount(&session_container, &e) < 0 || session_spawn(s, &e) < 0)
		session_fail(s, e.text);
}

/* An exec session's process, as soon as its ports are there. */
static void session_try_exec(struct session *s)
{
	const struct session *container = session_find(0);
	struct err e;

	if (container->state < SESSION_CREATED || container->state > SESSION_RUNNING ||
	    container->is_reaped) {
		session_fail(s, "container not running");
		return;
	}
	if (session_open_ports(s, false) && session_spawn(s, &e) < 0)
		session_fail(s, e.text);
}

void session_begin_waiting(void)
{
	for (int i = 0; i < SESSION_MAX; i++) {
		struct session *s = session_at(i);

		if (s->state == SESSION_WAITING)
			session_try_exec(s);
	}
}

void session_on_exec(uint16_t number, uint8_t *payload, size_t size)
{
	struct session *s = session_new(number);
	struct wire_in in;

	s->payload = payload;
	wire_in_init(&in, payload, size);
	if (guest_process_decode(&in, &s->exec) < 0)
		machine_die("session: malformed process description of %zu bytes", size);
	session_try_exec(s);
}
