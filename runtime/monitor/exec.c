/* Exec sessions: one more process in the running guest.
 *
 *   agent (vmrt exec)          monitor                       QEMU            guest
 *     | -- EXEC process, fds --> |                             |               |
 *     |                          | FIFOs, chardev-add,         |               |
 *     |                          | device_add per stream ----> | ports appear  |
 *     |                          | -- EXEC(N) ---------------------------------> |
 *     | <-- REPLY -------------- | <-- STARTED(N) ------------------------------ |
 *     | -- KILL, RESIZE -------> | -- SIGNAL(N), RESIZE(N) --------------------> |
 *     | <-- EXITED status ------ | <-- EXITED(N), its own output has passed ---- |
 *     |                          | <-- STREAM_END(N), all output has passed ---- |
 *     |                          | device_del, chardev-remove > |               |
 *
 * The agent is the host process that engines see, wait for and signal: when it is gone without an
 * end, the guest's process is killed. Must not read the guest's bytes: guest.c does. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/vm/vm.h"

/* Ids of QEMU's objects: session, stream. */
#define EXEC_CHARDEV_FORMAT "c%u.%s"
#define EXEC_DEVICE_FORMAT  "p%u.%s"
/* And of its named pipes. */
#define EXEC_FIFO_FORMAT "%u.%s"

static const char *const exec_stream_names[PROTO_STREAM_COUNT] = {
	[PROTO_STDIN] = "stdin",
	[PROTO_STDOUT] = "stdout",
	[PROTO_STDERR] = "stderr",
};

struct session *exec_find(struct monitor *m, uint16_t number)
{
	for (struct session *s = m->execs; s; s = s->next) {
		if (s->number == number)
			return s;
	}
	return NULL;
}

/* After the dispatch round: what is freed here may be further up on the stack. */
static void exec_free(void *arg)
{
	struct session *s = arg;
	struct session **at = &s->monitor->execs;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->monitor->exec_count--;
	monitor_end_when_over(s->monitor);
	if (s->client)
		s->client->session = NULL;
	session_close_streams(s);
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		fd_close(&s->stdio[i]);
		fd_close(&s->fifos[i]);
	}
	guest_process_done(&s->process);
	free(s->description);
	free(s);
}

static uint64_t exec_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The session stays: the guest may still answer, and then its process is killed. */
static void exec_give_up(struct session *s)
{
	struct client *c = s->client;
	struct err e;

	err_set(&e, -ETIMEDOUT, "guest: did not start the process within %u s",
		s->monitor->start->settings->boot_timeout_s);
	c->session = NULL;
	s->client = NULL;
	client_reply(c, ETIMEDOUT, e.text);
}

/* Whoever waits has waited long enough, or does so again. */
static void exec_on_timeout(void *arg)
{
	struct monitor *m = arg;
	uint64_t limit_ms = (uint64_t)m->start->settings->boot_timeout_s * 1000;
	uint64_t now = exec_now_ms();
	uint64_t next_ms = 0;

	for (struct session *s = m->execs; s; s = s->next) {
		uint64_t age = now - s->begun_ms;
		uint64_t rest = m->is_paused ? limit_ms : limit_ms - age;

		if (s->is_closing || s->state > SESSION_STARTING || !s->client)
			continue;
		if (age >= limit_ms && !m->is_paused)
			exec_give_up(s);
		else if (!next_ms || rest < next_ms)
			next_ms = rest;
	}
	loop_timer_set(m->exec_timer, (unsigned int)next_ms);
}

int exec_open(struct monitor *m, struct err *e)
{
	m->exec_timer = loop_timer_new(m->loop, exec_on_timeout, m);
	return m->exec_timer ? 0 : err_sys(e, -errno, "making a timer");
}

/* One thing less that is still to come from QEMU. */
static void exec_release(struct session *s)
{
	if (--s->qmp_pending == 0)
		loop_defer(s->monitor->loop, exec_free, s);
}

static void exec_unlink_fifos(const struct session *s)
{
	char name[32];

	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		snprintf(name, sizeof(name), EXEC_FIFO_FORMAT, s->number, exec_stream_names[i]);
		machine_unlink_fifos(&s->monitor->machine, name);
	}
}

static void exec_on_removed(void *arg, const struct err *e)
{
	struct session_stream *stream = arg;

	if (e)
		log_warn("exec session %u: %s", stream->session->number, e->text);
	exec_release(stream->session);
}

static void exec_qmp_send(struct session_stream *stream, const char *command, const char *format,
			  qmp_callback *call)
{
	const struct session *s = stream->session;
	struct json_out *out = qmp_command(command);
	char id[64];

	snprintf(id, sizeof(id), format, s->number, exec_stream_names[stream->stream]);
	json_out_string(out, "id", id);
	qmp_send(s->monitor->qmp, out, call, stream);
}

static void exec_remove_chardev(struct session_stream *stream)
{
	stream->is_deleting = false;
	exec_qmp_send(stream, "chardev-remove", EXEC_CHARDEV_FORMAT, exec_on_removed);
}

/* The device keeps its chardev busy until it is really gone: exec_on_deleted(). */
static void exec_on_unplugged(void *arg, const struct err *e)
{
	struct session_stream *stream = arg;

	/* A port that never came to be: as wished. The event may also have come before this. */
	if (e && stream->is_deleting)
		exec_remove_chardev(stream);
}

void exec_on_deleted(struct monitor *m, const char *device)
{
	char id[64];

	for (struct session *s = m->execs; s; s = s->next) {
		for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
			snprintf(id, sizeof(id), EXEC_DEVICE_FORMAT, s->number,
				 exec_stream_names[i]);
			if (s->streams[i].is_deleting && !strcmp(device, id)) {
				exec_remove_chardev(&s->streams[i]);
				return;
			}
		}
	}
}

/* Takes the session's ports away; it is freed when QEMU has done so. */
static void exec_close(struct session *s)
{
	if (s->is_closing)
		return;
	s->is_closing = true;
	s->state = SESSION_EXITED;
	if (s->client)
		s->client->session = NULL;
	s->client = NULL;
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		relay_close(s->streams[i].relay);
	exec_unlink_fifos(s);
	s->qmp_pending++; /* until all commands are on their way: answers may come at once */
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		if (s->process.stdio[i] != GUEST_STDIO_PIPE)
			continue;
		s->qmp_pending++;
		s->streams[i].is_deleting = true;
		exec_qmp_send(&s->streams[i], "device_del", EXEC_DEVICE_FORMAT, exec_on_unplugged);
	}
	exec_release(s);
}

static void exec_fail(struct session *s, const char *text)
{
	if (s->client)
		client_reply(s->client, EIO, text);
	exec_close(s);
}

static void exec_on_port(void *arg, const struct err *e)
{
	struct session *s = arg;

	if (e && !s->is_broken) {
		log_warn("exec session %u: %s", s->number, e->text);
		s->is_broken = true;
	}
	if (--s->qmp_pending)
		return;
	exec_unlink_fifos(s);
	if (s->is_broken) {
		exec_fail(s, "no free port for its streams: too many exec sessions");
		return;
	}
	if (!s->client) {
		exec_close(s); /* gone meanwhile: nobody wants it */
		return;
	}
	session_open_streams(s, s->stdio, s->fifos);
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		s->stdio[i] = s->fifos[i] = -1;
	s->state = SESSION_STARTING;
	guest_send_exec(s);
}

static int exec_make_fifos(struct session *s, enum proto_stream stream)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), EXEC_FIFO_FORMAT, s->number, exec_stream_names[stream]);
	fd = machine_make_fifos(&s->monitor->machine, name, stream);
	if (fd < 0)
		return fd;
	s->fifos[stream] = fd;
	return 0;
}

static void exec_add_port(struct session *s, enum proto_stream stream)
{
	struct monitor *m = s->monitor;
	struct json_out *out = qmp_command("chardev-add");
	char id[64];
	char path[64];

	snprintf(id, sizeof(id), EXEC_CHARDEV_FORMAT, s->number, exec_stream_names[stream]);
	snprintf(path, sizeof(path), "/" MACHINE_PORTS "/" EXEC_FIFO_FORMAT, s->number,
		 exec_stream_names[stream]);
	json_out_string(out, "id", id);
	json_out_object(out, "backend");
	json_out_string(out, "type", "pipe");
	json_out_object(out, "data");
	json_out_string(out, "device", path);
	json_out_end(out);
	json_out_end(out);
	s->qmp_pending++;
	qmp_send(m->qmp, out, exec_on_port, s);

	out = qmp_command("device_add");
	json_out_string(out, "driver", "virtserialport");
	json_out_string(out, "bus", VM_PORT_BUS);
	json_out_string(out, "chardev", id);
	snprintf(id, sizeof(id), EXEC_DEVICE_FORMAT, s->number, exec_stream_names[stream]);
	json_out_string(out, "id", id);
	snprintf(id, sizeof(id), PROTO_PORT_FORMAT, s->number, exec_stream_names[stream]);
	json_out_string(out, "name", id);
	s->qmp_pending++;
	qmp_send(m->qmp, out, exec_on_port, s);
}

/* The request's file: encoded by a vmrt of the same machine, checked like everything else. */
static int exec_read_process(struct session *s, int fd)
{
	struct wire_in in;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > (off_t)PROTO_HOST_MAX_BYTES)
		return -EPROTO;
	s->description_size = (size_t)st.st_size;
	s->description = xmalloc(s->description_size);
	if (pread(fd, s->description, s->description_size, 0) != (ssize_t)s->description_size)
		return -EPROTO;
	wire_in_init(&in, s->description, s->description_size);
	return guest_process_decode(&in, &s->process);
}

static struct session *exec_new(struct monitor *m, struct client *c)
{
	struct session *s = xcalloc(1, sizeof(*s));

	do {
		m->last_number++;
	} while (!m->last_number || exec_find(m, m->last_number));
	*s = (struct session){
		.monitor = m,
		.number = m->last_number,
		.state = SESSION_BOOTING,
		.client = c,
		.stdio = {-1, -1, -1},
		.fifos = {-1, -1, -1},
		.next = m->execs,
	};
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		s->streams[i] = (struct session_stream){.session = s, .stream = i};
	m->execs = s;
	m->exec_count++;
	c->session = s;
	c->is_agent = true;
	return s;
}

void exec_begin(struct monitor *m, struct client *c, int fds[CTL_FD_MAX])
{
	struct session *s;
	int r;

	if (m->exec_count >= MONITOR_SESSION_MAX) {
		client_reply(c, EAGAIN, "too many exec sessions at a time");
		return;
	}
	s = exec_new(m, c);
	r = exec_read_process(s, fds[0]);
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		s->stdio[i] = take_fd(fds[i + 1]);
	for (int i = 0; r == 0 && i < PROTO_STREAM_COUNT; i++) {
		if (s->process.stdio[i] == GUEST_STDIO_PIPE)
			r = exec_make_fifos(s, i);
	}
	if (r < 0) {
		struct err e;

		err_sys(&e, r, "preparing its streams");
		client_reply(c, EIO, e.text);
		exec_unlink_fifos(s);
		exec_free(s);
		return;
	}
	c->waiting = CTL_EXEC;
	s->begun_ms = exec_now_ms();
	exec_on_timeout(m);
	s->qmp_pending++; /* as in exec_close() */
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		if (s->process.stdio[i] == GUEST_STDIO_PIPE)
			exec_add_port(s, i);
	}
	exec_on_port(s, NULL);
}

void exec_signal(struct session *s, int signo)
{
	if (s->state == SESSION_RUNNING)
		(void)guest_send_signal(s, 0, signo, false);
	else if (s->state < SESSION_RUNNING && signo > 0)
		s->held_signals |= UINT64_C(1) << (signo - 1);
}

void exec_on_started(struct session *s, const struct err *e)
{
	if (e) {
		exec_fail(s, e->text);
		return;
	}
	if (!s->client) {
		(void)guest_send_signal(s, 0, SIGKILL, false);
		return;
	}
	client_reply(s->client, 0, "");
	for (int signo = 1; signo <= 64; signo++) {
		if (s->held_signals & UINT64_C(1) << (signo - 1))
			(void)guest_send_signal(s, 0, signo, false);
	}
	if (s->streams[PROTO_STDIN].relay)
		relay_start(s->streams[PROTO_STDIN].relay);
}

void exec_on_drained(struct session *s)
{
	if (s->is_reported)
		return;
	s->is_reported = true;
	if (!s->client)
		return;
	client_send_exited(s->client, s->exit_status);
	s->client->session = NULL;
	s->client = NULL;
}

void exec_on_ended(struct session *s)
{
	exec_close(s);
}

void exec_on_client_gone(struct session *s)
{
	s->client = NULL;
	if (s->is_closing)
		return;
	/* Nobody reads any more; the guest's process goes the way its host process went. */
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		fd_close(&s->stdio[i]);
	if (s->state == SESSION_RUNNING)
		(void)guest_send_signal(s, 0, SIGKILL, false);
}
