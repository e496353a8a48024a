/* Commands that talk to the monitor: the one that created it, and everybody at ctl.sock. */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/fd.h"
#include "runtime/log/log.h"
#include "runtime/state/state.h"

#define CLIENT_KILL_TIMEOUT_MS 5000

static void client_close(struct client *c)
{
	struct session *s = c->session;

	loop_remove(c->source);
	c->source = NULL;
	c->waiting = 0;
	c->session = NULL;
	c->is_agent = false;
	c->is_watcher = false;
	fd_close(&c->fd);
	if (s)
		exec_on_client_gone(s);
	monitor_end_when_over(c->monitor);
}

void client_reply(struct client *c, int error, const char *text)
{
	struct ctl_message reply = {.verb = CTL_REPLY, .error = error, .text = text};

	c->waiting = 0;
	if (ctl_send(c->fd, &reply) < 0)
		client_close(c);
}

void client_send_exited(struct client *c, int status)
{
	struct ctl_message message = {.verb = CTL_EXITED, .status = status};

	(void)ctl_send(c->fd, &message);
}

/* The engine has filled the namespace by now, in a hook of create or after it. */
static void client_start_now(struct client *c)
{
	struct monitor *m = c->monitor;
	struct err e;

	if (network_tell(m, &e) < 0) {
		client_reply(c, EIO, e.text);
		return;
	}
	m->container.state = SESSION_STARTING;
	c->waiting = CTL_START;
	guest_send_start(m);
	/* Hooks have limits of their own, or none. */
	monitor_limit_answer(m, !m->start->plan->guest.start_hook_count);
}

static void client_start(struct client *c)
{
	struct monitor *m = c->monitor;

	if (m->is_paused) {
		client_reply(c, EINVAL, "cannot start a paused container");
	} else if (m->container.state == SESSION_CREATED && m->sync_fd < 0) {
		client_start_now(c);
	} else if (m->container.state == SESSION_EXITED) {
		client_reply(c, EINVAL, "cannot start a container that has stopped");
	} else {
		client_reply(c, EINVAL, "cannot start an already running container");
	}
}

static void client_on_resumed_for_kill(void *arg, const struct err *e)
{
	struct monitor *m = arg;

	if (!e)
		guest_send_clock(m);
}

/* SIGKILL must take effect at once, also while the VM stands still: it is set going for it. */
static void client_prepare_kill(struct monitor *m)
{
	if (m->is_kill_wanted)
		return;
	m->is_kill_wanted = true;
	loop_timer_set(m->kill_timer, CLIENT_KILL_TIMEOUT_MS);
	if (m->is_paused) {
		m->is_paused = false;
		state_mark_paused(m->start->state_dirfd, false);
		qmp_send(m->qmp, qmp_command("cont"), client_on_resumed_for_kill, m);
	}
}

static void client_kill_container(struct client *c, const struct ctl_message *request)
{
	struct monitor *m = c->monitor;

	c->waiting = CTL_KILL;
	c->signo = request->signo;
	c->token = ++m->last_token ? m->last_token : ++m->last_token;
	if (request->signo == SIGKILL && m->container.has_exit) {
		/* The process is gone, only its output waits for a reader: no longer. */
		monitor_end(m, m->container.exit_status);
		return;
	}
	if (m->container.has_exit) {
		client_reply(c, ESRCH, "container not running");
		return;
	}
	if (request->signo == SIGKILL)
		client_prepare_kill(m);
	if (!guest_send_signal(&m->container, c->token, request->signo, request->is_all))
		client_reply(c, EAGAIN, "guest: does not take the signal: it has stopped reading");
	else if (m->is_paused || request->signo == SIGKILL)
		client_reply(c, 0,
			     ""); /* queued, as a frozen cgroup would; the kill timer sees to it */
}

static void client_kill(struct client *c, const struct ctl_message *request)
{
	if (request->signo < 0 || request->signo > 64)
		client_reply(c, EINVAL, "unknown signal");
	else if (c->session)
		exec_signal(c->session, request->signo);
	else
		client_kill_container(c, request);
}

static void client_exec(struct client *c, int fds[CTL_FD_MAX])
{
	struct monitor *m = c->monitor;
	enum session_state state = m->container.state;

	/* Refused or not: a signal that it forwards is never the container's. */
	c->is_agent = true;
	if (m->is_paused)
		client_reply(c, EINVAL,
			     "cannot exec in a paused container (use --ignore-paused to override)");
	else if (state < SESSION_CREATED || state >= SESSION_EXITED || m->sync_fd >= 0)
		client_reply(c, EINVAL, "cannot exec in a stopped container");
	else
		exec_begin(m, c, fds);
}

static void client_resize(struct client *c, const struct ctl_message *request)
{
	struct session *s = c->session ? c->session : &c->monitor->container;

	if (s->state == SESSION_RUNNING)
		guest_send_resize(s, request->rows, request->columns);
}

static void client_on_paused(void *arg, const struct err *e)
{
	struct client *c = arg;
	struct monitor *m = c->monitor;

	if (!e) {
		m->is_paused = true;
		state_mark_paused(m->start->state_dirfd, true);
	}
	if (c->fd >= 0 && c->waiting == CTL_PAUSE)
		client_reply(c, e ? EIO : 0, e ? e->text : "");
}

static void client_on_resumed(void *arg, const struct err *e)
{
	struct client *c = arg;
	struct monitor *m = c->monitor;

	if (!e) {
		m->is_paused = false;
		state_mark_paused(m->start->state_dirfd, false);
		/* The guest's clock stood still with its CPUs. */
		guest_send_clock(m);
	}
	if (c->fd >= 0 && c->waiting == CTL_RESUME)
		client_reply(c, e ? EIO : 0, e ? e->text : "");
}

static void client_pause(struct client *c, enum ctl_verb verb)
{
	struct monitor *m = c->monitor;

	if (verb == CTL_PAUSE && (m->is_paused || m->container.state < SESSION_CREATED ||
				  m->container.state == SESSION_EXITED)) {
		client_reply(c, EINVAL, "container not running");
		return;
	}
	if (verb == CTL_RESUME && !m->is_paused) {
		client_reply(c, EINVAL, "container not paused");
		return;
	}
	c->waiting = verb;
	qmp_send(m->qmp, qmp_command(verb == CTL_PAUSE ? "stop" : "cont"),
		 verb == CTL_PAUSE ? client_on_paused : client_on_resumed, c);
}

static void client_handle(struct client *c, const struct ctl_message *request, int fds[CTL_FD_MAX])
{
	switch (request->verb) {
	case CTL_START:
		client_start(c);
		break;
	case CTL_KILL:
		client_kill(c, request);
		break;
	case CTL_EXEC:
		client_exec(c, fds);
		break;
	case CTL_RESIZE:
		client_resize(c, request);
		break;
	case CTL_WATCH:
		c->is_watcher = true;
		client_reply(c, 0, "");
		break;
	case CTL_PAUSE:
	case CTL_RESUME:
		client_pause(c, request->verb);
		break;
	default:
		client_reply(c, ENOSYS, "the running monitor is older and does not know this");
	}
}

static void client_on_event(void *arg, uint32_t events)
{
	struct client *c = arg;
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message request;
	int fds[CTL_FD_MAX];
	int r = ctl_receive_fds(c->fd, &request, buffer, fds);

	(void)events;
	/* An agent whose session is over may have a last signal to forward: nobody is there. */
	if (r == 0 && c->is_agent && !c->session)
		r = -EAGAIN;
	if (r == 0 && (!c->waiting || c->session))
		client_handle(c, &request, fds);
	else if (r != -EAGAIN)
		client_close(c);
	for (int i = 0; i < CTL_FD_MAX; i++)
		fd_close(&fds[i]);
}

bool clients_have_agents(const struct monitor *m)
{
	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++) {
		if (m->clients[i].fd >= 0 && m->clients[i].is_agent)
			return true;
	}
	return false;
}

static struct client *client_slot(struct monitor *m)
{
	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++) {
		if (m->clients[i].fd < 0)
			return &m->clients[i];
	}
	return NULL;
}

static void clients_on_listen(void *arg, uint32_t events)
{
	struct monitor *m = arg;
	auto_close int fd = accept4(m->start->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	struct client *c = client_slot(m);

	(void)events;
	/* The state directory's mode keeps others out already. */
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    (peer.uid != 0 && peer.uid != geteuid()))
		return;
	if (!c)
		return; /* closing is the answer: that many commands at once are waiting */
	c->fd = take_fd(fd);
	c->source = loop_add(m->loop, c->fd, EPOLLIN, client_on_event, c);
	if (!c->source)
		client_close(c);
}

static void clients_drop_sync(struct monitor *m)
{
	loop_remove(m->sync_source);
	m->sync_source = NULL;
	fd_close(&m->sync_fd);
}

/* COMMIT, or the end of a creating command that nobody will hear of again. */
static void clients_on_sync(void *arg, uint32_t events)
{
	struct monitor *m = arg;
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message message;
	int r = ctl_receive(m->sync_fd, &message, buffer);

	(void)events;
	if (r == -EAGAIN)
		return;
	if (r == 0 && message.verb == CTL_COMMIT && m->container.state >= SESSION_CREATED) {
		/* Answered, so that `create` does not return before the monitor knows. */
		struct ctl_message done = {.verb = CTL_REPLY};

		(void)ctl_send(m->sync_fd, &done);
		clients_drop_sync(m);
		return;
	}
	log_info("the creating command ended before the container was complete: taking it down");
	clients_drop_sync(m);
	m->has_lost_creator = true;
	/* The state directory stays: it names the cgroups that delete --force removes. */
	monitor_end(m, EXIT_FAILURE);
}

int clients_open(struct monitor *m, struct err *e)
{
	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++)
		m->clients[i] = (struct client){.monitor = m, .fd = -1};
	m->sync_fd = m->start->sync_fd;
	m->sync_source = loop_add(m->loop, m->sync_fd, EPOLLIN, clients_on_sync, m);
	m->listen_source = loop_add(m->loop, m->start->listen_fd, EPOLLIN, clients_on_listen, m);
	if (!m->sync_source || !m->listen_source)
		return err_sys(e, -errno, "watching the control sockets");
	return 0;
}

void clients_on_created(struct monitor *m, const struct err *e)
{
	struct ctl_message reply = {.verb = CTL_REPLY};

	if (e) {
		reply.error = EIO;
		reply.text = e->text;
	}
	if (m->sync_fd >= 0)
		(void)ctl_send(m->sync_fd, &reply);
}

void clients_on_started(struct monitor *m, const struct err *e)
{
	if (!e) {
		if (state_mark_started(m->start->state_dirfd) < 0)
			log_warn("the state directory is not writable: state stays 'created'");
		if (m->container.streams[PROTO_STDIN].relay)
			relay_start(m->container.streams[PROTO_STDIN].relay);
	}
	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++) {
		if (m->clients[i].fd >= 0 && m->clients[i].waiting == CTL_START)
			client_reply(&m->clients[i], e ? EIO : 0, e ? e->text : "");
	}
}

void clients_on_signalled(struct monitor *m, uint32_t token, int error)
{
	struct client *c = NULL;

	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++) {
		if (m->clients[i].fd >= 0 && m->clients[i].waiting == CTL_KILL &&
		    m->clients[i].token == token)
			c = &m->clients[i];
	}
	if (!c)
		return; /* a forwarded signal, or the command has gone */
	/* After SIGKILL the command waits for nothing but this: the end comes by itself. */
	if (error == ESRCH)
		client_reply(c, ESRCH, "container not running");
	else
		client_reply(c, error, error ? "guest: refused the signal" : "");
}

/* One that does not read misses some: nobody waits for it. */
void clients_on_oom(struct monitor *m)
{
	const struct ctl_message message = {.verb = CTL_OOM};

	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++) {
		if (m->clients[i].fd >= 0 && m->clients[i].is_watcher)
			(void)ctl_send(m->clients[i].fd, &message);
	}
}

void clients_on_end(struct monitor *m, const struct err *e)
{
	for (size_t i = 0; i < MONITOR_CLIENT_MAX; i++) {
		struct client *c = &m->clients[i];

		if (c->fd < 0)
			continue;
		if (c->waiting == CTL_KILL)
			client_reply(c, c->signo == SIGKILL ? 0 : ESRCH, "container not running");
		else if (c->waiting)
			client_reply(c, EIO, e ? e->text : "container not running");
	}
}
