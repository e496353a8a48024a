/* The monitor's life: becoming the container's process, the event loop, the end.
 *
 *   clone3 (pid, mount, net, ipc, uts namespaces)
 *     └─ monitor_run: own session, private mounts, network namespace
 *          ├─ machine_start: share, virtiofsd, QEMU; "/" is the container's root from here on
 *          ├─ sockets_open: a process that connects to mounted sockets, if there are any
 *          ├─ confine_finish: few rights are left, few system calls
 *          ├─ loop: guest link, relays, ctl.sock, creating command, signals, tails
 *          └─ exit(status): the kernel kills what is left of the pid namespace before the
 *             parent hears of it */
#include "runtime/monitor/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/net/namespace.h"
#include "runtime/image/image.h"
#include "runtime/proc/keep_fds.h"
#include "runtime/proc/title.h"
#include "runtime/sandbox/confine.h"
#include "runtime/sandbox/jail.h"
#include "runtime/userns/rundir.h"

#define MONITOR_KILL_STATUS	 (128 + SIGKILL)
#define MONITOR_CALLER_END_MS	 1000  /* of a command that has hung up */
#define MONITOR_QEMU_END_MS	 1000  /* of a QEMU that has hung up */
#define MONITOR_AGENT_TIMEOUT_MS 1000  /* to end, when they know how */
#define MONITOR_EXEC_TIMEOUT_MS	 10000 /* for the readers of exec sessions to take the rest */

void monitor_end(struct monitor *m, int status)
{
	if (m->is_ending)
		return;
	m->is_ending = true;
	m->exit_status = status;
	clients_on_end(m, NULL);
	loop_stop(m->loop);
}

void monitor_end_when_over(struct monitor *m)
{
	bool has_execs = false;

	if (m->is_ending || !session_is_drained(&m->container) || !flush_is_over(m))
		return;
	for (const struct session *s = m->execs; s; s = s->next)
		has_execs = has_execs || !s->is_closing;
	/* The end of this process kills them, with a status that would not be theirs. But it waits
	 * for nobody for ever: one may be stopped, or its output not be read. */
	if (!has_execs && !clients_have_agents(m))
		monitor_end(m, m->container.exit_status);
	else if (!m->is_waiting_for_execs)
		loop_timer_set(m->agent_timer,
			       has_execs ? MONITOR_EXEC_TIMEOUT_MS : MONITOR_AGENT_TIMEOUT_MS);
	m->is_waiting_for_execs = true;
}

static void monitor_on_agent_timeout(void *arg)
{
	struct monitor *m = arg;

	monitor_end(m, m->container.exit_status);
}

void monitor_break(struct monitor *m, const struct err *e)
{
	const struct relay *stderr_relay = m->container.streams[PROTO_STDERR].relay;

	if (m->is_ending)
		return;
	m->is_ending = true;
	m->exit_status = m->is_kill_wanted ? MONITOR_KILL_STATUS : MONITOR_EXIT_BROKEN;
	if (!m->is_kill_wanted) {
		log_warn("%s", e->text);
		/* After create the user's only view of the VM is the container's stderr. */
		if (m->sync_fd < 0 && !relay_is_done(stderr_relay)) {
			char line[ERR_TEXT_BYTES + 16];
			int size = snprintf(line, sizeof(line), "vmrt: %s\n", e->text);

			/* Not dprintf(), which loses its buffer in glibc. */
			(void)!write(relay_output_fd(stderr_relay), line, (size_t)size);
		}
	}
	/* As long as there is a creating command it waits, for that or for the answer to COMMIT. */
	clients_on_created(m, e);
	clients_on_end(m, e);
	loop_stop(m->loop);
}

/* The kill timer: SIGKILL was asked for seconds ago and the container is still there. */
static void monitor_on_kill_timeout(void *arg)
{
	struct monitor *m = arg;

	log_warn("the container did not end after SIGKILL: killing its VM");
	monitor_end(m, m->container.has_exit ? m->container.exit_status : MONITOR_KILL_STATUS);
}

void monitor_limit_answer(struct monitor *m, bool is_awaited)
{
	loop_timer_set(m->answer_timer, is_awaited ? m->start->settings->boot_timeout_s * 1000 : 0);
}

/* The guest owes an answer and says nothing. */
static void monitor_on_answer_timeout(void *arg)
{
	static const char *const missing[SESSION_STATE_COUNT] = {
		[SESSION_BOOTING] = "boot",
		[SESSION_CREATING] = "set the container up",
		[SESSION_STARTING] = "start the process",
	};
	struct monitor *m = arg;
	const char *line = machine_tail_line(&m->machine.console);
	const char *what = missing[m->container.state];
	struct err e;

	if (!what)
		return;
	if (m->is_paused) {
		monitor_limit_answer(m, true);
		return;
	}
	err_set(&e, -ETIMEDOUT, "guest: did not %s within %u s; last line of its console: %s", what,
		m->start->settings->boot_timeout_s, *line ? line : "(nothing)");
	monitor_break(m, &e);
}

/* Init never closes its port: the guest's kernel reset its devices, on its way to a restart (QEMU's
 * end follows), or to a halt, of which QEMU tells nothing else on a machine without ACPI. */
static void monitor_on_control_closed(struct monitor *m)
{
	struct err e;

	err_set(&e, -EIO, "guest: its kernel was shut down without telling an exit status");
	monitor_break(m, &e);
}

static void monitor_on_qmp_event(void *arg, enum qmp_kind kind, const char *device)
{
	if (kind == QMP_CONTROL_CLOSED)
		monitor_on_control_closed(arg);
	else
		exec_on_deleted(arg, device);
}

/* virtiofsd and passt end by themselves, with status 0, when QEMU hangs up: then QEMU's end is what
 * happened. */
static pid_t monitor_find_culprit(const struct monitor *m, pid_t pid, int *status)
{
	auto_close int pidfd = -1;
	struct pollfd p = {.events = POLLIN};
	int qemu_status;

	if (pid == m->machine.qemu_pid || !WIFEXITED(*status) || WEXITSTATUS(*status))
		return pid;
	pidfd = (int)syscall(SYS_pidfd_open, m->machine.qemu_pid, 0);
	p.fd = pidfd;
	poll(&p, 1, MONITOR_QEMU_END_MS);
	if (waitpid(m->machine.qemu_pid, &qemu_status, WNOHANG) != m->machine.qemu_pid)
		return pid;
	*status = qemu_status;
	return m->machine.qemu_pid;
}

static void monitor_reap(struct monitor *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct err e;

		if (oom_on_reaped(m, pid, status) ||
		    (pid != m->machine.qemu_pid && pid != m->machine.share_pid &&
		     pid != m->machine.passt_pid))
			continue; /* an orphan of theirs: PID 1 reaps it */
		pid = monitor_find_culprit(m, pid, &status);
		machine_explain_death(&m->machine, pid, status, &e);
		monitor_break(m, &e);
	}
}

void monitor_forward_size(struct monitor *m)
{
	struct winsize size;

	if (m->tty_fd >= 0 && ioctl(m->tty_fd, TIOCGWINSZ, &size) == 0)
		guest_send_resize(&m->container, size.ws_row, size.ws_col);
}

static void monitor_forward_signal(struct monitor *m, int signo)
{
	enum session_state state = m->container.state;

	if (signo == SIGWINCH && m->tty_fd >= 0) {
		if (state >= SESSION_CREATED && state < SESSION_EXITED)
			monitor_forward_size(m);
	} else if (state >= SESSION_CREATED && state < SESSION_EXITED) {
		(void)guest_send_signal(&m->container, 0, signo, false);
	} else if (state < SESSION_CREATED && signo == SIGTERM) {
		monitor_end(m, 128 + SIGTERM);
	}
}

static void monitor_on_signal(void *arg, uint32_t events)
{
	struct monitor *m = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(m->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			monitor_reap(m);
		else
			monitor_forward_signal(m, (int)info.ssi_signo);
	}
}

struct monitor_tail {
	struct loop_source *source;
	struct machine_tail *tail;
};

static void monitor_on_tail(void *arg, uint32_t events)
{
	struct monitor_tail *t = arg;

	(void)events;
	if (!machine_tail_read(t->tail)) {
		loop_remove(t->source);
		t->source = NULL;
	}
}

/* Consoles must be read, or QEMU's buffers fill with what nobody wants. */
static int monitor_watch_tails(struct monitor *m, struct err *e)
{
	struct machine_tail *tails[] = {&m->machine.console, &m->machine.qemu_errors,
					&m->machine.share_errors, &m->machine.passt_errors};

	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		struct monitor_tail *t;

		if (tails[i]->fd < 0)
			continue;
		t = xcalloc(1, sizeof(*t));
		t->tail = tails[i];
		t->source = loop_add(m->loop, t->tail->fd, EPOLLIN, monitor_on_tail, t);
		if (!t->source)
			return err_sys(e, -errno, "watching a helper's output");
	}
	return 0;
}

/* Everything that has a handler-less default of "die" is forwarded; only KILL and STOP are not
 * ours to catch. SIGPIPE is nobody's message. */
static int monitor_open_signals(struct monitor *m, struct err *e)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigdelset(&set, SIGPIPE);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGILL);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0 || !loop_add(m->loop, m->signal_fd, EPOLLIN, monitor_on_signal, m))
		return err_sys(e, -errno, "watching signals");
	return 0;
}

static int monitor_enter_namespaces(const struct monitor_start *start, struct err *e)
{
	const struct plan *plan = start->plan;
	auto_close int netns = -1;

	/* Slave, not private: what the host unmounts later must go away here as well. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, -errno, "making mounts private");
	if (plan->netns_path) {
		netns = open(plan->netns_path, O_RDONLY | O_CLOEXEC);
		if (netns < 0 || setns(netns, CLONE_NEWNET) < 0)
			return err_sys(e, -errno, "joining the network namespace '%s'",
				       plan->netns_path);
	}
	if (plan->want_new_netns)
		namespace_set_ports();
	if (plan->config->hostname)
		(void)!sethostname(plan->config->hostname, strlen(plan->config->hostname));
	return 0;
}

/* The engine's and the creator's other descriptors must not live on in here. */
static void monitor_close_others(const struct monitor_start *start)
{
	const int keep[] = {start->stdio[0],
			    start->stdio[1],
			    start->stdio[2],
			    start->state_dirfd,
			    start->listen_fd,
			    start->sync_fd,
			    start->log_fd,
			    start->tty_fd,
			    start->caller_pidfd,
			    start->netns_fd,
			    start->console_log_fd,
			    start->notify_fd,
			    start->gdb_fd,
			    start->from.fd,
			    start->qemu_id.fd,
			    start->qemu_id.qemu_fd,
			    start->share_userns_fd,
			    rundir_lock_fd(),
			    start->image ? start->image->fd : -1,
			    start->image ? start->image->overlay_fd : -1};

	keep_fds(keep, sizeof(keep) / sizeof(*keep));
}

/* With a terminal none of them was kept: nothing that is opened later may become 0, 1 or 2. */
static void monitor_fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fd_close(&fd);
}

/* From the descriptor that we were given, ".." leads to every file of the host. */
static int monitor_detach_state(const struct monitor_start *start, struct err *e)
{
	auto_close int fd = jail_open_dir(start->state_dir, start->state_dirfd);

	if (fd < 0 || dup3(fd, start->state_dirfd, O_CLOEXEC) < 0)
		return err_sys(e, fd < 0 ? fd : -errno, "opening the state directory");
	return 0;
}

static void monitor_set_oom_score(const struct monitor_start *start)
{
	const struct oci_process *p = start->plan->config->process;
	auto_close int fd = -1;
	char text[16];

	if (!p->has_oom_score_adj)
		return;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	/* Lowering it needs a privilege that a nested host may lack: then the old one stays. */
	if (fd >= 0)
		(void)!write(fd, text,
			     (size_t)snprintf(text, sizeof(text), "%d", p->oom_score_adj));
}

static void monitor_open_streams(struct monitor *m)
{
	int stdio[PROTO_STREAM_COUNT];

	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		int from = m->start->stdio[i];

		stdio[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	}
	session_open_streams(&m->container, stdio, m->machine.fifo_fds);
}

static void monitor_give_terminal_back(const struct monitor *m)
{
	struct tty_raw raw = *m->start->raw;

	raw.fd = m->tty_fd;
	tty_restore(&raw);
}

/* The command that has the terminal for us is gone, killed: a shell may wait to have it back. */
static void monitor_on_caller_end(void *arg, uint32_t events)
{
	struct monitor *m = arg;

	(void)events;
	loop_remove(m->caller_source);
	m->caller_source = NULL;
	monitor_give_terminal_back(m);
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		relay_hang_up(m->container.streams[i].relay);
}

/* Its socket closes a moment before its end can be seen. One that has only failed gives the
 * terminal back itself. */
static void monitor_look_after_caller(const struct monitor *m)
{
	struct pollfd p = {.fd = m->start->caller_pidfd, .events = POLLIN};

	if (m->has_lost_creator && p.fd >= 0 && poll(&p, 1, MONITOR_CALLER_END_MS) == 1)
		monitor_give_terminal_back(m);
}

static int monitor_watch_caller(struct monitor *m, struct err *e)
{
	if (m->start->caller_pidfd < 0)
		return 0;
	m->caller_source =
		loop_add(m->loop, m->start->caller_pidfd, EPOLLIN, monitor_on_caller_end, m);
	return m->caller_source ? 0 : err_sys(e, -errno, "watching the caller");
}

/* A copy: the number may be one of stdio's, which become /dev/null. */
static int monitor_keep_tty(struct monitor *m, struct err *e)
{
	m->tty_fd = -1;
	if (m->start->tty_fd >= 0)
		m->tty_fd = fcntl(m->start->tty_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (m->start->tty_fd >= 0 && m->tty_fd < 0)
		return err_sys(e, -errno, "keeping the terminal");
	return monitor_watch_caller(m, e);
}

/* The pty that the engine has the master of becomes our controlling terminal: that is how
 * SIGWINCH reaches us. It stays open until the end: the engine takes a hang-up for the end. */
static int monitor_take_tty(const struct monitor *m, struct err *e)
{
	if (m->start->owns_tty && ioctl(m->tty_fd, TIOCSCTTY, 0) < 0)
		return err_sys(e, -errno, "taking the terminal");
	return 0;
}

/* The engine's descriptors are the relays' alone now: whoever else held one would keep the engine
 * waiting for an end that does not come. */
static void monitor_drop_stdio(struct monitor *m, int null_fd)
{
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		dup2(null_fd, m->start->stdio[i] >= 0 ? m->start->stdio[i] : i);
}

static int monitor_open(struct monitor *m, struct err *e)
{
	auto_close int null_fd = -1;
	int r;

	if (setsid() < 0 && errno != EPERM)
		return err_sys(e, -errno, "making a session");
	log_close_engine();
	monitor_close_others(m->start);
	monitor_fill_stdio();
	if (m->start->is_foreground)
		log_keep_stderr();
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	m->loop = loop_new();
	if (!m->loop)
		return err_sys(e, -errno, "making the event loop");
	r = clients_open(m, e);
	if (r == 0)
		r = monitor_open_signals(m, e);
	if (r == 0)
		r = monitor_keep_tty(m, e);
	if (r == 0)
		r = monitor_enter_namespaces(m->start, e);
	if (r == 0)
		r = monitor_detach_state(m->start, e);
	/* Before anything is started: what we start is in it from its first instruction. */
	if (r == 0)
		r = cgroup_host_enter(m->start->cgroup, e);
	m->memory_dirfd = cgroup_oom_open(m->start->cgroup);
	if (r < 0)
		return r;
	monitor_set_oom_score(m->start);
	r = machine_start(&m->machine, m->start, e);
	if (r < 0)
		return r;
	log_debug("phase: qemu and virtiofsd run");
	/* Not before: the helpers would have it as their controlling terminal too. */
	r = monitor_take_tty(m, e);
	if (r < 0)
		return r;
	m->answer_timer = loop_timer_new(m->loop, monitor_on_answer_timeout, m);
	m->kill_timer = loop_timer_new(m->loop, monitor_on_kill_timeout, m);
	m->agent_timer = loop_timer_new(m->loop, monitor_on_agent_timeout, m);
	if (!m->answer_timer || !m->kill_timer || !m->agent_timer)
		return err_sys(e, -errno, "making timers");
	monitor_limit_answer(m, !m->start->plan->has_own_init);
	r = guest_open(m, e);
	if (r == 0)
		r = monitor_watch_tails(m, e);
	if (r == 0)
		r = exec_open(m, e);
	if (r == 0)
		r = network_open(m, e);
	if (r == 0)
		r = clock_open(m, e);
	if (r == 0)
		r = sockets_open(m, e);
	if (r < 0)
		return r;
	m->qmp = qmp_new(m->loop, m->machine.qmp_fd, m->machine.origin == VM_RESTORED,
			 monitor_on_qmp_event, m);
	if (!m->qmp)
		return err_sys(e, -errno, "watching QEMU's monitor");
	monitor_open_streams(m);
	monitor_drop_stdio(m, null_fd);
	return confine_finish(CONFINE_MONITOR, e);
}

int monitor_run(void *arg)
{
	struct monitor *m = xcalloc(1, sizeof(*m));
	struct err e;
	int r;

	m->start = arg;
	m->memory_dirfd = -1;
	m->container.monitor = m;
	prctl(PR_SET_NAME, "vmrt-monitor");
	title_set(m->start->plan->config->process->args.at,
		  m->start->plan->config->process->args.count);
	prctl(PR_SET_PDEATHSIG, 0);
	r = confine_begin(&e);
	if (r == 0)
		r = monitor_open(m, &e);
	if (r < 0) {
		clients_on_created(m, &e);
		/* machine_restore() was waiting when the creating command ended. */
		m->has_lost_creator = r == -ECANCELED;
		monitor_look_after_caller(m);
		return EXIT_FAILURE;
	}
	r = loop_run(m->loop);
	if (r < 0)
		log_warn("waiting for events: %s", strerror(-r));
	/* They would die with this process, before its parent is told: the sooner they begin. */
	kill(m->machine.qemu_pid, SIGKILL);
	kill(m->machine.share_pid, SIGKILL);
	monitor_look_after_caller(m);
	network_close(m);
	/* Engines take it from our cgroup. */
	oom_at_end(m);
	return m->exit_status;
}
