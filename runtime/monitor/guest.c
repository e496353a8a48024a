/* The control link to the guest: frames in, frames out, and what the session table says to do.
 *
 * Everything read here is hostile. The input buffer holds one frame of the largest size. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <signal.h>
#include <sys/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "runtime/log/log.h"

static void guest_flush(struct monitor *m)
{
	while (m->out_at < m->out.size) {
		ssize_t n = send(m->machine.control_fd, m->out.data + m->out_at,
				 m->out.size - m->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* full: EPOLLOUT goes on. Broken: QEMU's end tells */
		m->out_at += (size_t)n;
	}
	if (m->out_at == m->out.size) {
		wire_out_done(&m->out);
		m->out_at = 0;
	}
	loop_set_events(m->guest_source, EPOLLIN | (m->out.size ? EPOLLOUT : 0));
}

static bool guest_is_full(const struct monitor *m)
{
	return m->out.size - m->out_at > MONITOR_QUEUE_MAX_BYTES &&
	       m->container.state != SESSION_CREATING;
}

void guest_send_start(struct monitor *m)
{
	proto_frame_end(&m->out, proto_frame_begin(&m->out, PROTO_HOST_START, 0));
	guest_flush(m);
}

void guest_send_exec(struct session *s)
{
	struct wire_out *o = &s->monitor->out;
	size_t begin = proto_frame_begin(o, PROTO_HOST_EXEC, s->number);

	guest_process_encode(o, &s->process);
	proto_frame_end(o, begin);
	guest_flush(s->monitor);
}

bool guest_send_signal(struct session *s, uint32_t token, int signo, bool is_all)
{
	struct wire_out *o = &s->monitor->out;
	size_t begin;

	/* The last resort is never refused; its askers are few. */
	if (guest_is_full(s->monitor) && signo != SIGKILL)
		return false;
	begin = proto_frame_begin(o, PROTO_HOST_SIGNAL, s->number);
	wire_put_u32(o, token);
	wire_put_u32(o, (uint32_t)signo);
	wire_put_u8(o, is_all);
	proto_frame_end(o, begin);
	guest_flush(s->monitor);
	return true;
}

void guest_send_stdin_end(struct session *s, uint64_t total_bytes)
{
	struct wire_out *o = &s->monitor->out;
	size_t begin = proto_frame_begin(o, PROTO_HOST_STDIN_END, s->number);

	wire_put_u64(o, total_bytes);
	proto_frame_end(o, begin);
	guest_flush(s->monitor);
}

void guest_send_reader_gone(struct session *s, enum proto_stream stream)
{
	struct wire_out *o = &s->monitor->out;
	size_t begin = proto_frame_begin(o, PROTO_HOST_READER_GONE, s->number);

	wire_put_u8(o, (uint8_t)stream);
	proto_frame_end(o, begin);
	guest_flush(s->monitor);
}

void guest_send_resize(struct session *s, unsigned int rows, unsigned int columns)
{
	struct wire_out *o = &s->monitor->out;
	size_t begin;

	if (guest_is_full(s->monitor))
		return; /* the next one will say the same, or better */
	begin = proto_frame_begin(o, PROTO_HOST_RESIZE, s->number);
	wire_put_u16(o, (uint16_t)rows);
	wire_put_u16(o, (uint16_t)columns);
	proto_frame_end(o, begin);
	guest_flush(s->monitor);
}

static int64_t guest_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void guest_send_clock(struct monitor *m)
{
	size_t begin;

	if (guest_is_full(m))
		return; /* it reads nothing: neither would it this */
	begin = proto_frame_begin(&m->out, PROTO_HOST_CLOCK, 0);
	wire_put_u64(&m->out, (uint64_t)guest_clock_ns());
	proto_frame_end(&m->out, begin);
	guest_flush(m);
}

void guest_send_network(struct monitor *m, const struct network *n)
{
	size_t begin = proto_frame_begin(&m->out, PROTO_HOST_NETWORK, 0);

	network_encode(&m->out, n);
	proto_frame_end(&m->out, begin);
	guest_flush(m);
}

void guest_send_resolved(struct monitor *m, uint32_t token, const void *answer, size_t size)
{
	size_t begin;

	if (guest_is_full(m))
		size = 0;
	/* A guest that asks on and never reads is not one of ours. */
	if (m->out.size - m->out_at > MONITOR_ANSWERS_MAX_BYTES)
		return;
	begin = proto_frame_begin(&m->out, PROTO_HOST_RESOLVED, 0);
	wire_put_u32(&m->out, token);
	wire_put_bytes(&m->out, answer, size);
	proto_frame_end(&m->out, begin);
	guest_flush(m);
}

static void guest_send_description(struct monitor *m)
{
	struct guest_container c = m->start->plan->guest;
	size_t begin;

	c.clock_realtime_ns = guest_clock_ns();
	if (getrandom(c.seed, sizeof(c.seed), 0) != (ssize_t)sizeof(c.seed)) {
		struct err e;

		err_sys(&e, -errno, "reading the host's random numbers");
		monitor_break(m, &e);
		return;
	}
	begin = proto_frame_begin(&m->out, PROTO_HOST_CONTAINER, 0);
	guest_container_encode(&m->out, &c);
	proto_frame_end(&m->out, begin);
	guest_flush(m);
}

static void guest_on_hello(struct monitor *m, const struct proto_event *ev)
{
	struct err e;

	if (ev->hello.version != PROTO_VERSION) {
		err_set(&e, -EPROTO, "guest: init speaks version %u of the protocol, vmrt %u: %s",
			ev->hello.version, PROTO_VERSION, "kernel and initramfs must be vmrt's");
		monitor_break(m, &e);
		return;
	}
	log_debug("phase: init runs (guest clock %llu us, kernel %s)",
		  (unsigned long long)ev->hello.boot_us, ev->text);
	monitor_limit_answer(m, true);
	machine_forget_fifos(&m->machine);
	guest_send_description(m);
	network_tell_early(m);
}

static void guest_on_failed(struct session *s, enum session_action action, const char *text)
{
	char named[ERR_TEXT_BYTES];
	struct err e;

	plan_name_sources(s->monitor->start->plan, text, named, sizeof(named));
	text = named;
	if (s->number) {
		err_set(&e, -EIO, "unable to start container process: %s", text);
		exec_on_started(s, &e);
		return;
	}
	err_set(&e, -EIO, "unable to start container process: %s", text);
	if (action == SESSION_DO_FAIL_CREATE)
		clients_on_created(s->monitor, &e);
	else
		clients_on_started(s->monitor, &e);
	monitor_end(s->monitor, EXIT_FAILURE);
}

static void guest_on_stream_end(struct session *s, const struct proto_event *ev)
{
	struct session_stream *stream = &s->streams[ev->stream_end.stream];
	struct err e;

	if (!stream->relay || stream->has_end) {
		err_set(&e, -EPROTO, "guest: end of stream %u, which %s", ev->stream_end.stream,
			stream->relay ? "has ended before" : "does not exist");
		monitor_break(s->monitor, &e);
		return;
	}
	stream->has_end = true;
	relay_set_total(stream->relay, ev->stream_end.total_bytes);
	session_check_end(s); /* its reader may have gone before */
}

static bool guest_streams_have_ends(const struct session *s)
{
	for (int i = PROTO_STDOUT; i < PROTO_STREAM_COUNT; i++) {
		if (s->streams[i].relay && !s->streams[i].has_end)
			return false;
	}
	return true;
}

static void guest_on_exited(struct session *s, const struct proto_event *ev)
{
	struct err e;

	if (!s->number && !guest_streams_have_ends(s)) {
		err_set(&e, -EPROTO, "guest: exit status before the end of its output");
		monitor_break(s->monitor, &e);
		return;
	}
	s->exit_status = ev->exited.number;
	if (ev->exited.how == PROTO_EXIT_SIGNAL)
		s->exit_status += 128;
	log_debug("phase: process of session %u ended with status %d", s->number, s->exit_status);
	for (int i = 0; s->number && i < 2; i++) {
		struct relay *relay = s->streams[PROTO_STDOUT + i].relay;

		if (!relay_is_done(relay))
			relay_set_mark(relay, ev->exited.marks[i]);
	}
	/* Not before both marks are set: a stream that is there already asks for the end. */
	s->has_exit = true;
	session_check_end(s);
}

/* The container's log lies in memory of the host's. */
bool guest_may_log(struct monitor *m, const char *text)
{
	if (m->guest_log_bytes > MONITOR_GUEST_LOG_MAX_BYTES)
		return false;
	/* An empty message is a line in the log all the same. */
	m->guest_log_bytes += strlen(text) + MONITOR_GUEST_LOG_LINE_BYTES;
	if (m->guest_log_bytes > MONITOR_GUEST_LOG_MAX_BYTES)
		log_warn("guest: it has said too much: further messages are dropped");
	return m->guest_log_bytes <= MONITOR_GUEST_LOG_MAX_BYTES;
}

static void guest_on_log(struct monitor *m, const struct proto_event *ev)
{
	if (!guest_may_log(m, ev->text))
		return;
	switch ((enum proto_level)ev->log.level) {
	case PROTO_LOG_ERROR:
	case PROTO_LOG_WARN:
		log_warn("guest: %s", ev->text);
		break;
	case PROTO_LOG_INFO:
		log_info("guest: %s", ev->text);
		break;
	default:
		log_debug("guest: %s", ev->text);
	}
}

static void guest_on_started(struct session *s, const struct proto_event *ev)
{
	log_debug("phase: process of session %u runs (guest clock %llu us)", s->number,
		  (unsigned long long)ev->mark.at_us);
	if (s->number) {
		exec_on_started(s, NULL);
		return;
	}
	monitor_limit_answer(s->monitor, false);
	clients_on_started(s->monitor, NULL);
}

static void guest_act(struct session *s, enum session_action action, const struct proto_event *ev)
{
	switch (action) {
	case SESSION_DO_DESCRIBE:
		guest_on_hello(s->monitor, ev);
		break;
	case SESSION_DO_REPORT_CREATED:
		monitor_limit_answer(s->monitor, false);
		log_debug("phase: container is ready (guest clock %llu us)",
			  (unsigned long long)ev->mark.at_us);
		clients_on_created(s->monitor, NULL);
		clock_on_created(s->monitor);
		/* It may have changed before anybody listened for SIGWINCH. */
		monitor_forward_size(s->monitor);
		break;
	case SESSION_DO_REPORT_STARTED:
		guest_on_started(s, ev);
		break;
	case SESSION_DO_FAIL_CREATE:
	case SESSION_DO_FAIL_START:
		guest_on_failed(s, action, ev->text);
		break;
	case SESSION_DO_END_STREAM:
		guest_on_stream_end(s, ev);
		break;
	case SESSION_DO_CLOSE_STDIN:
		relay_close(s->streams[PROTO_STDIN].relay);
		break;
	case SESSION_DO_EXIT:
		guest_on_exited(s, ev);
		break;
	case SESSION_DO_REPORT_SIGNAL:
		clients_on_signalled(s->monitor, ev->signalled.token, (int)ev->signalled.error);
		break;
	case SESSION_DO_LOG:
		guest_on_log(s->monitor, ev);
		break;
	case SESSION_DO_NOTE_OOM:
		if (guest_may_log(s->monitor, "an OOM kill"))
			log_info("guest: %llu processes killed for want of memory",
				 (unsigned long long)ev->oom.count);
		oom_on_guest(s->monitor);
		clients_on_oom(s->monitor);
		break;
	case SESSION_DO_NOTIFY:
		notify_relay(s->monitor, ev->text);
		break;
	case SESSION_DO_RESOLVE:
		resolver_on_query(s->monitor, ev);
		break;
	case SESSION_DO_FORWARD:
		forward_on_listening(s->monitor, ev);
		break;
	case SESSION_VIOLATION:
	case SESSION_ACTION_COUNT:
		break; /* guest_handle() does not come here with these */
	}
}

/* The session an event is about. The guest's log is about the VM: session 0. */
static struct session *guest_find_session(struct monitor *m, const struct proto_event *ev)
{
	bool is_about_vm = ev->type == PROTO_GUEST_LOG || ev->type == PROTO_GUEST_SIGNALLED ||
			   ev->type == PROTO_GUEST_RESOLVE || ev->type == PROTO_GUEST_OOM ||
			   ev->type == PROTO_GUEST_LISTENING || ev->type == PROTO_GUEST_NOTIFY;

	if (ev->session == 0 || is_about_vm)
		return &m->container;
	return exec_find(m, ev->session);
}

static void guest_handle(struct monitor *m, const struct proto_event *ev)
{
	struct session *s = guest_find_session(m, ev);
	enum session_event event = session_event_of(ev->type);
	struct session_step step = {0};
	struct err e;

	/* An exec session has no hello and is not created apart from being started. */
	if (s && !(s->number && (event == SESSION_ON_HELLO || event == SESSION_ON_CREATED)))
		step = session_next(s->state, event);
	if (step.action == SESSION_VIOLATION) {
		err_set(&e, -EPROTO, "guest: %s of session %u is not allowed while %s",
			proto_type_name(ev->type), ev->session,
			s ? session_state_name(s->state) : "there is none");
		monitor_break(m, &e);
		return;
	}
	s->state = step.next;
	guest_act(s, step.action, ev);
}

/* False when nothing more can be read now. */
static bool guest_fill(struct monitor *m)
{
	ssize_t n = recv(m->machine.control_fd, m->in + m->in_size, sizeof(m->in) - m->in_size,
			 MSG_DONTWAIT);

	if (n > 0)
		m->in_size += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* QEMU closed it: its end is about to be reported by SIGCHLD. */
		loop_remove(m->guest_source);
		m->guest_source = NULL;
	}
	return n > 0;
}

static void guest_on_event(void *arg, uint32_t events)
{
	struct monitor *m = arg;
	size_t at = 0;

	if (events & EPOLLOUT)
		guest_flush(m);
	if (!guest_fill(m))
		return;
	while (!m->is_ending) {
		struct proto_event ev;
		struct err e;
		int used = proto_guest_parse(m->in + at, m->in_size - at, &ev, &e);

		if (used < 0) {
			monitor_break(m, &e);
			return;
		}
		if (used == 0)
			break;
		at += (size_t)used;
		guest_handle(m, &ev);
	}
	memmove(m->in, m->in + at, m->in_size - at);
	m->in_size -= at;
}

int guest_open(struct monitor *m, struct err *e)
{
	m->guest_source = loop_add(m->loop, m->machine.control_fd, EPOLLIN, guest_on_event, m);
	if (!m->guest_source)
		return err_sys(e, -errno, "watching the control link");
	return 0;
}
