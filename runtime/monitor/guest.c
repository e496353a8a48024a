/* The control link to the guest: frames in, frames out, and what the session table says to do.
 *
 * Everything read here is hostile. The input buffer holds one frame of the largest size. */
#include "runtime/monitor/internal.h"

#include <errno.h>
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
	return m->out.size - m->out_at > MONITOR_QUEUE_MAX_BYTES && m->state != SESSION_CREATING;
}

void guest_send_start(struct monitor *m)
{
	proto_frame_end(&m->out, proto_frame_begin(&m->out, PROTO_HOST_START, 0));
	guest_flush(m);
}

bool guest_send_signal(struct monitor *m, uint32_t token, int signo, bool is_all)
{
	size_t begin;

	if (guest_is_full(m))
		return false;
	begin = proto_frame_begin(&m->out, PROTO_HOST_SIGNAL, 0);
	wire_put_u32(&m->out, token);
	wire_put_u32(&m->out, (uint32_t)signo);
	wire_put_u8(&m->out, is_all);
	proto_frame_end(&m->out, begin);
	guest_flush(m);
	return true;
}

void guest_send_stdin_end(struct monitor *m, uint64_t total_bytes)
{
	size_t begin = proto_frame_begin(&m->out, PROTO_HOST_STDIN_END, 0);

	wire_put_u64(&m->out, total_bytes);
	proto_frame_end(&m->out, begin);
	guest_flush(m);
}

void guest_send_reader_gone(struct monitor *m, enum proto_stream stream)
{
	size_t begin = proto_frame_begin(&m->out, PROTO_HOST_READER_GONE, 0);

	wire_put_u8(&m->out, (uint8_t)stream);
	proto_frame_end(&m->out, begin);
	guest_flush(m);
}

static void guest_send_description(struct monitor *m)
{
	struct guest_container c = m->start->plan->guest;
	struct timespec now;
	size_t begin;

	clock_gettime(CLOCK_REALTIME, &now);
	c.clock_realtime_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
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
	loop_timer_set(m->boot_timer, 0);
	guest_send_description(m);
}

static void guest_on_failed(struct monitor *m, enum session_action action, const char *text)
{
	struct err e;

	err_set(&e, -EIO, "unable to start container process: %s", text);
	if (action == SESSION_DO_FAIL_CREATE)
		clients_on_created(m, &e);
	else
		clients_on_started(m, &e);
	monitor_end(m, EXIT_FAILURE);
}

static void guest_on_stream_end(struct monitor *m, const struct proto_event *ev)
{
	struct monitor_stream *s = &m->streams[ev->stream_end.stream];
	struct err e;

	if (!s->relay || s->has_end) {
		err_set(&e, -EPROTO, "guest: end of stream %u, which %s", ev->stream_end.stream,
			s->relay ? "has ended before" : "does not exist");
		monitor_break(m, &e);
		return;
	}
	s->has_end = true;
	relay_set_total(s->relay, ev->stream_end.total_bytes);
}

static bool guest_streams_have_ends(const struct monitor *m)
{
	for (int i = PROTO_STDOUT; i < PROTO_STREAM_COUNT; i++) {
		if (m->streams[i].relay && !m->streams[i].has_end)
			return false;
	}
	return true;
}

static void guest_on_exited(struct monitor *m, const struct proto_event *ev)
{
	struct err e;

	if (!guest_streams_have_ends(m)) {
		err_set(&e, -EPROTO, "guest: exit status before the end of its output");
		monitor_break(m, &e);
		return;
	}
	m->has_exit = true;
	m->exit_status = ev->exited.number;
	if (ev->exited.how == PROTO_EXIT_SIGNAL)
		m->exit_status += 128;
	log_debug("phase: container process ended with status %d", m->exit_status);
	monitor_check_drained(m);
}

static void guest_on_log(const struct proto_event *ev)
{
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

static void guest_act(struct monitor *m, enum session_action action, const struct proto_event *ev)
{
	switch (action) {
	case SESSION_DO_DESCRIBE:
		guest_on_hello(m, ev);
		break;
	case SESSION_DO_REPORT_CREATED:
		log_debug("phase: container is ready (guest clock %llu us)",
			  (unsigned long long)ev->mark.at_us);
		clients_on_created(m, NULL);
		break;
	case SESSION_DO_REPORT_STARTED:
		log_debug("phase: container process runs (guest clock %llu us)",
			  (unsigned long long)ev->mark.at_us);
		clients_on_started(m, NULL);
		break;
	case SESSION_DO_FAIL_CREATE:
	case SESSION_DO_FAIL_START:
		guest_on_failed(m, action, ev->text);
		break;
	case SESSION_DO_END_STREAM:
		guest_on_stream_end(m, ev);
		break;
	case SESSION_DO_CLOSE_STDIN:
		relay_close(m->streams[PROTO_STDIN].relay);
		break;
	case SESSION_DO_EXIT:
		guest_on_exited(m, ev);
		break;
	case SESSION_DO_REPORT_SIGNAL:
		clients_on_signalled(m, ev->signalled.token, (int)ev->signalled.error);
		break;
	case SESSION_DO_LOG:
		guest_on_log(ev);
		break;
	case SESSION_VIOLATION:
	case SESSION_ACTION_COUNT:
		break; /* guest_handle() does not come here with these */
	}
}

static void guest_handle(struct monitor *m, const struct proto_event *ev)
{
	struct session_step step = session_next(m->state, session_event_of(ev->type));
	struct err e;

	if (step.action == SESSION_VIOLATION || ev->session != 0) {
		err_set(&e, -EPROTO, "guest: %s of session %u is not allowed while %s",
			proto_type_name(ev->type), ev->session, session_state_name(m->state));
		monitor_break(m, &e);
		return;
	}
	m->state = step.next;
	guest_act(m, step.action, ev);
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
