/* A command in an image that boots by itself. Must not start anything but vmrt.
 *
 *   BOOTING ── sync ──> agent answers ── guest-exec ──> STARTING ── "pid N" ──> RUNNING
 *     ── "end" ──> ENDED ── marks of both streams, guest-exec-status ──> (SHUTDOWN ──>) OVER
 *
 * The first request waits in the port until there is an agent to read it: nobody has to poll. What
 * comes from the guest is foreign input: lines and replies are bounded, and what is not understood
 * ends the run. */
#include "vmrun/distro.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/agent.h"
#include "vmrun/distro_console.h"
#include "vmrun/distro_guest.h"
#include "vmrun/distro_stream.h"
#include "vmrun/distro_vm.h"

#define DISTRO_LINE_BYTES     (64u << 10)
#define DISTRO_REQUESTS_MAX   64
#define DISTRO_BOOT_S	      300 /* emulated, on a busy machine; --boot-timeout */
#define DISTRO_GRACE_MS	      5000
#define DISTRO_SHUTDOWN_MS    120000
#define DISTRO_STATUS_MS      5000 /* a script that was killed says no "end" */
#define DISTRO_STATUS_SOON_MS 20
#define DISTRO_ANSWER_MS      60000 /* the agent may be gone, killed in the guest */
#define DISTRO_SYNC_ID	      0x766d72756eLL

enum distro_state {
	DISTRO_BOOTING,
	DISTRO_STARTING,
	DISTRO_RUNNING,
	DISTRO_ENDED,
	DISTRO_SHUTDOWN,
	DISTRO_OVER,
};

/* Lines from the guest as they come in. */
struct distro_lines {
	char text[DISTRO_LINE_BYTES];
	size_t size;
};

struct distro_run {
	const struct request *request;
	enum distro_state state;
	struct distro_vm vm;
	struct distro_console console;
	struct distro_stream in, out, err;
	struct distro_lines agent_lines, control_lines;
	char *exec_text;
	char *requests; /* to the agent, not sent yet */
	size_t requests_size;
	enum agent_request expected[DISTRO_REQUESTS_MAX];
	size_t expected_count;
	char mark[DISTRO_MARK_BYTES + 1];
	int64_t script_pid;  /* in the guest */
	int64_t command_pid; /* 0: not running yet */
	bool has_status;
	int status;
	bool has_timed_out;
	int early_signal; /* that came before there was a command */
	int signal_fd;
	int64_t deadline_ms;   /* of booting, or of shutting down; 0: none */
	int64_t timeout_at_ms; /* --timeout; 0: none */
	int64_t status_at_ms;  /* when to ask again; 0: never */
	int64_t answer_by_ms;  /* the agent, of the command's status; 0: not asked */
	struct err *e;
};

static int64_t distro_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int distro_ask(struct distro_run *run, enum agent_request request, char *text)
{
	size_t size = strlen(text);

	if (run->expected_count == DISTRO_REQUESTS_MAX) {
		free(text);
		return err_set(run->e, -EIO, "guest: the agent does not answer");
	}
	run->expected[run->expected_count++] = request;
	run->requests = xreallocarray(run->requests, run->requests_size + size, 1);
	memcpy(run->requests + run->requests_size, text, size);
	run->requests_size += size;
	free(text);
	return 0;
}

/* Once and one at a time: the agent forgets a pid when it has reported its exit. */
static int distro_ask_status(struct distro_run *run)
{
	run->status_at_ms = 0;
	if (run->has_status || run->answer_by_ms)
		return 0;
	run->answer_by_ms = distro_now_ms() + DISTRO_ANSWER_MS;
	/* The port of "end" may be read before the agent's, with the pid: distro_on_exec() goes on.
	 */
	if (!run->script_pid)
		return 0;
	return distro_ask(run, AGENT_STATUS, agent_status_text(run->script_pid));
}

static int distro_send_signal(struct distro_run *run, int signo)
{
	if (!run->command_pid) {
		run->early_signal = signo;
		return 0;
	}
	if (run->state == DISTRO_SHUTDOWN)
		return err_set(run->e, -EINTR,
			       "interrupted while the image shut down: changes may be lost");
	if (run->state != DISTRO_RUNNING)
		return 0;
	return distro_ask(run, AGENT_OTHER, agent_kill_text(run->command_pid, signo));
}

static int distro_on_sync(struct distro_run *run, const struct agent_reply *reply)
{
	if (run->state != DISTRO_BOOTING || reply->is_error || reply->number != DISTRO_SYNC_ID)
		return err_set(run->e, -EPROTO, "guest: the agent answers something else");
	run->state = DISTRO_STARTING;
	return distro_ask(run, AGENT_EXEC, take_ptr(run->exec_text));
}

static int distro_on_exec(struct distro_run *run, const struct agent_reply *reply)
{
	if (reply->is_error)
		return err_set(run->e, -EIO, "guest: the agent does not execute anything: %s",
			       reply->error);
	run->script_pid = reply->number;
	run->answer_by_ms = 0;
	run->status_at_ms = distro_now_ms() + (run->state == DISTRO_ENDED ? 0 : DISTRO_STATUS_MS);
	return 0;
}

static int distro_on_status(struct distro_run *run, const struct agent_reply *reply)
{
	if (run->has_status)
		return 0;
	run->answer_by_ms = 0;
	if (reply->is_error)
		return err_set(run->e, -EIO, "guest: the agent lost the command: %s", reply->error);
	if (!reply->has_exited) {
		run->status_at_ms =
			distro_now_ms() +
			(run->state == DISTRO_ENDED ? DISTRO_STATUS_SOON_MS : DISTRO_STATUS_MS);
		return 0;
	}
	run->has_status = true;
	run->status_at_ms = 0;
	run->status = reply->exit_status;
	if (run->state == DISTRO_ENDED)
		return 0;
	/* The script was killed, and the command's streams end where they are. */
	run->state = DISTRO_ENDED;
	run->out.mark = run->err.mark = NULL;
	shutdown(run->vm.fds[DISTRO_OUT], SHUT_RDWR);
	shutdown(run->vm.fds[DISTRO_ERR], SHUT_RDWR);
	return 0;
}

static int distro_on_reply(struct distro_run *run, const char *line)
{
	struct agent_reply reply;
	enum agent_request request;
	int r;

	if (!run->expected_count)
		return err_set(run->e, -EPROTO, "guest: the agent answers without being asked");
	request = run->expected[0];
	memmove(run->expected, run->expected + 1, --run->expected_count * sizeof(*run->expected));
	r = agent_parse(request, line, &reply, run->e);
	if (r < 0)
		return err_prefix(run->e, r, "guest");
	switch (request) {
	case AGENT_SYNC:
		return distro_on_sync(run, &reply);
	case AGENT_EXEC:
		return distro_on_exec(run, &reply);
	case AGENT_STATUS:
		return distro_on_status(run, &reply);
	case AGENT_OTHER:
	case AGENT_REQUEST_COUNT:
		break;
	}
	return 0;
}

static int distro_on_control(struct distro_run *run, const char *line)
{
	if (!strncmp(line, "fail ", 5))
		return err_set(run->e, -EIO, "guest: %s", line + 5);
	if (!strncmp(line, "pid ", 4) && run->state == DISTRO_STARTING) {
		run->command_pid = strtoll(line + 4, NULL, 10);
		if (run->command_pid <= 1)
			return err_set(run->e, -EPROTO, "guest: the command has no pid");
		run->state = DISTRO_RUNNING;
		run->deadline_ms = 0;
		if (run->request->want_input)
			distro_stream_init(&run->in, STDIN_FILENO, run->vm.fds[DISTRO_IN], NULL);
		return run->early_signal ? distro_send_signal(run, run->early_signal) : 0;
	}
	if (!strcmp(line, "end") &&
	    (run->state == DISTRO_RUNNING || run->state == DISTRO_STARTING)) {
		run->state = DISTRO_ENDED;
		run->deadline_ms = 0;
		return distro_ask_status(run);
	}
	return 0; /* the rest of a failure's text */
}

/* Cuts what came in into lines. */
static int distro_read_lines(struct distro_run *run, int fd, struct distro_lines *lines,
			     int (*on_line)(struct distro_run *, const char *))
{
	ssize_t n = read(fd, lines->text + lines->size, sizeof(lines->text) - lines->size);
	char *begin = lines->text;
	char *end;
	int r = 0;

	if (n <= 0)
		return 0; /* its end is seen by the end of vmrt */
	lines->size += (size_t)n;
	while (!r && (end = memchr(begin, '\n', lines->size - (size_t)(begin - lines->text)))) {
		*end = '\0';
		r = on_line(run, begin);
		begin = end + 1;
	}
	lines->size -= (size_t)(begin - lines->text);
	memmove(lines->text, begin, lines->size);
	if (lines->size == sizeof(lines->text))
		return err_set(run->e, -EPROTO, "guest: a line of more than %u bytes",
			       DISTRO_LINE_BYTES);
	return r;
}

static void distro_write_requests(struct distro_run *run)
{
	ssize_t n =
		send(run->vm.fds[DISTRO_AGENT], run->requests, run->requests_size, MSG_NOSIGNAL);

	if (n <= 0)
		return;
	run->requests_size -= (size_t)n;
	memmove(run->requests, run->requests + n, run->requests_size);
}

static int distro_on_signals(struct distro_run *run)
{
	struct signalfd_siginfo info;
	int r = 0;

	while (!r && read(run->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		r = distro_send_signal(run, (int)info.ssi_signo);
	return r;
}

static int distro_on_timeout(struct distro_run *run, int64_t now)
{
	if (run->has_timed_out || !run->command_pid) {
		run->has_timed_out = true;
		run->state = DISTRO_OVER;
		return 0;
	}
	run->has_timed_out = true;
	run->timeout_at_ms = now + DISTRO_GRACE_MS;
	return distro_send_signal(run, SIGTERM);
}

static int distro_on_deadline(struct distro_run *run)
{
	unsigned int boot_s =
		run->request->boot_timeout ? run->request->boot_timeout : DISTRO_BOOT_S;

	if (run->state == DISTRO_SHUTDOWN)
		return err_set(run->e, -ETIMEDOUT,
			       "guest: it did not shut down within %d s: changes may be lost",
			       DISTRO_SHUTDOWN_MS / 1000);
	if (run->state != DISTRO_BOOTING)
		return err_set(run->e, -ETIMEDOUT,
			       "guest: the command did not start within %u s: the agent answers, "
			       "but mounting what is shared takes too long",
			       boot_s);
	return err_set(run->e, -ETIMEDOUT,
		       "guest: no agent answers after %u s: either the image did not boot, or it "
		       "has no qemu-guest-agent that starts by itself",
		       boot_s);
}

static int distro_on_time(struct distro_run *run)
{
	int64_t now = distro_now_ms();

	if (run->timeout_at_ms && now >= run->timeout_at_ms)
		return distro_on_timeout(run, now);
	if (run->deadline_ms && now >= run->deadline_ms)
		return distro_on_deadline(run);
	if (run->answer_by_ms && now >= run->answer_by_ms)
		return err_set(run->e, -ETIMEDOUT, "guest: the agent does not answer any more");
	if (run->status_at_ms && now >= run->status_at_ms)
		return distro_ask_status(run);
	return 0;
}

static int distro_time_left(const struct distro_run *run)
{
	const int64_t at[] = {run->timeout_at_ms, run->deadline_ms, run->status_at_ms,
			      run->answer_by_ms};
	int64_t now = distro_now_ms();
	int64_t least = -1;

	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		int64_t left = at[i] > now ? at[i] - now : 0;

		if (at[i] && (least < 0 || left < least))
			least = left;
	}
	return (int)least;
}

/* vmrt has ended before it was asked to. */
static int distro_on_vm_end(struct distro_run *run)
{
	auto_free char *line = NULL;
	int status = distro_vm_reap(&run->vm, &line);
	const char *text = line && !strncmp(line, "vmrt: ", 6) ? line + 6 : line;

	if (run->state == DISTRO_SHUTDOWN && WIFEXITED(status) && !WEXITSTATUS(status)) {
		run->state = DISTRO_OVER;
		return 0;
	}
	if (text)
		return err_set(run->e, -EIO, "%s", text);
	if (WIFSIGNALED(status))
		return err_set(run->e, -EIO, "vmrt was killed by signal %d", WTERMSIG(status));
	if (run->state == DISTRO_BOOTING)
		return err_set(run->e, -EIO,
			       "guest: the image did not boot: the machine powered off or reset "
			       "before there was an agent");
	return err_set(run->e, -EIO, "guest: powered off or reset before the command had ended");
}

/* All output is written and the status known: the end, or for a disk that is kept its system's. */
static int distro_advance(struct distro_run *run)
{
	if (run->out.has_broken && run->state == DISTRO_RUNNING) {
		run->out.has_broken = false;
		return distro_send_signal(run, SIGPIPE);
	}
	if (run->early_signal && !run->command_pid)
		run->state = DISTRO_OVER;
	if (run->state != DISTRO_ENDED || !run->has_status || !run->out.has_ended ||
	    !run->err.has_ended)
		return 0;
	if (!run->request->is_root_writable) {
		run->state = DISTRO_OVER;
		return 0;
	}
	run->state = DISTRO_SHUTDOWN;
	run->timeout_at_ms = 0;
	run->deadline_ms = distro_now_ms() + DISTRO_SHUTDOWN_MS;
	return distro_ask(run, AGENT_OTHER, agent_shutdown_text());
}

enum distro_poll {
	DISTRO_POLL_VM,
	DISTRO_POLL_SIGNALS,
	DISTRO_POLL_AGENT,
	DISTRO_POLL_CONTROL,
	DISTRO_POLL_CONSOLE,
	DISTRO_POLL_IN,
	DISTRO_POLL_OUT,
	DISTRO_POLL_ERR,
	DISTRO_POLL_COUNT
};

static void distro_plan_poll(const struct distro_run *run, struct pollfd p[DISTRO_POLL_COUNT])
{
	memset(p, 0, DISTRO_POLL_COUNT * sizeof(*p));
	p[DISTRO_POLL_VM] = (struct pollfd){.fd = run->vm.pidfd, .events = POLLIN};
	p[DISTRO_POLL_SIGNALS] = (struct pollfd){.fd = run->signal_fd, .events = POLLIN};
	p[DISTRO_POLL_AGENT] = (struct pollfd){
		.fd = run->vm.fds[DISTRO_AGENT],
		.events = (short)(POLLIN | (run->requests_size ? POLLOUT : 0)),
	};
	p[DISTRO_POLL_CONTROL] =
		(struct pollfd){.fd = run->vm.fds[DISTRO_CONTROL], .events = POLLIN};
	p[DISTRO_POLL_CONSOLE] =
		(struct pollfd){.fd = run->vm.fds[DISTRO_CONSOLE], .events = POLLIN};
	distro_stream_poll(&run->in, &p[DISTRO_POLL_IN]);
	distro_stream_poll(&run->out, &p[DISTRO_POLL_OUT]);
	distro_stream_poll(&run->err, &p[DISTRO_POLL_ERR]);
}

static void distro_move_input(struct distro_run *run, short revents)
{
	bool had_ended = run->in.has_ended;

	distro_stream_move(&run->in, revents);
	/* QEMU reads what is before it; closing would drop that. */
	if (run->in.has_ended && !had_ended)
		shutdown(run->vm.fds[DISTRO_IN], SHUT_WR);
}

static int distro_round(struct distro_run *run)
{
	struct pollfd p[DISTRO_POLL_COUNT];
	int r = 0;

	distro_plan_poll(run, p);
	if (poll(p, DISTRO_POLL_COUNT, distro_time_left(run)) < 0 && errno != EINTR)
		return err_sys(run->e, -errno, "waiting for the image");
	if (p[DISTRO_POLL_CONSOLE].revents)
		distro_console_read(&run->console, run->vm.fds[DISTRO_CONSOLE]);
	distro_move_input(run, p[DISTRO_POLL_IN].revents);
	distro_stream_move(&run->out, p[DISTRO_POLL_OUT].revents);
	distro_stream_move(&run->err, p[DISTRO_POLL_ERR].revents);
	if (p[DISTRO_POLL_AGENT].revents & POLLOUT)
		distro_write_requests(run);
	if (p[DISTRO_POLL_CONTROL].revents & POLLIN)
		r = distro_read_lines(run, run->vm.fds[DISTRO_CONTROL], &run->control_lines,
				      distro_on_control);
	if (!r && p[DISTRO_POLL_AGENT].revents & POLLIN)
		r = distro_read_lines(run, run->vm.fds[DISTRO_AGENT], &run->agent_lines,
				      distro_on_reply);
	if (!r && p[DISTRO_POLL_SIGNALS].revents)
		r = distro_on_signals(run);
	if (!r && p[DISTRO_POLL_VM].revents)
		r = distro_on_vm_end(run);
	if (!r)
		r = distro_on_time(run);
	return r ? r : distro_advance(run);
}

static int distro_watch_signals(struct distro_run *run)
{
	static const int left[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT,
				   SIGCHLD, SIGSEGV, SIGABRT, SIGWINCH};
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++)
		sigdelset(&set, left[i]);
	sigdelset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signal_fd < 0 ? err_sys(run->e, -errno, "watching signals") : 0;
}

static int distro_make_mark(struct distro_run *run)
{
	unsigned char bytes[DISTRO_MARK_BYTES / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(run->e, -errno, "random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(run->mark + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* The directories, the script and its words. */
static int distro_plan(struct distro_run *run, struct mounts *shares)
{
	const struct request *request = run->request;
	auto_strv struct strv args = {0};
	auto_strv struct strv env = {0};
	auto_free char *input = NULL;
	int r = mounts_plan_image(request, shares, run->e);

	if (r == 0)
		r = distro_make_mark(run);
	if (r < 0)
		return r;
	r = distro_guest_make(request, shares, shares->cwd, &args, &env, run->e);
	if (r < 0)
		return r;
	input = xasprintf("%s\n", run->mark);
	run->exec_text = agent_exec_text("/bin/sh", &args, &env, input);
	return distro_ask(run, AGENT_SYNC, agent_sync_text(DISTRO_SYNC_ID));
}

static int distro_start(struct distro_run *run, unsigned int timeout_ms)
{
	struct mounts shares = {0};
	unsigned int boot_s =
		run->request->boot_timeout ? run->request->boot_timeout : DISTRO_BOOT_S;
	int64_t now = distro_now_ms();
	int r = distro_plan(run, &shares);

	if (r == 0)
		r = distro_console_open(&run->console, run->request->console, run->e);
	if (r == 0)
		r = distro_watch_signals(run);
	if (r == 0)
		r = distro_vm_start(run->request, &shares, &run->vm, run->e);
	mounts_done(&shares);
	if (r < 0)
		return r;
	distro_stream_init(&run->out, run->vm.fds[DISTRO_OUT], STDOUT_FILENO, run->mark);
	distro_stream_init(&run->err, run->vm.fds[DISTRO_ERR], STDERR_FILENO, run->mark);
	run->deadline_ms = now + (int64_t)boot_s * 1000;
	run->timeout_at_ms = timeout_ms ? now + timeout_ms : 0;
	return 0;
}

/* What is not the command's: its status would be a lie. */
static int distro_explain(struct distro_run *run, int r)
{
	bool has_panicked = r < 0 && strstr(run->e->text, "guest: kernel panic");

	if (r == 0 && run->has_timed_out)
		return REQUEST_EXIT_TIMEOUT;
	if (r == 0 && run->early_signal && !run->command_pid)
		return 128 + run->early_signal;
	if (r == 0)
		return run->status;
	if (run->state == DISTRO_BOOTING ? r < 0 && !strncmp(run->e->text, "guest: ", 7)
					 : has_panicked)
		distro_console_show(&run->console);
	if (!has_panicked && !run->command_pid)
		return r;
	fprintf(stderr, "vmrun: %s\n", run->e->text);
	return REQUEST_EXIT_LOST;
}

int distro_run(const struct request *request, unsigned int timeout_ms, struct err *e)
{
	struct distro_run *run = xcalloc(1, sizeof(*run));
	int r;

	run->request = request;
	run->e = e;
	run->signal_fd = run->console.fd = run->vm.pidfd = run->vm.errors_fd = -1;
	for (int i = 0; i < DISTRO_SOCKET_COUNT; i++)
		run->vm.fds[i] = -1;
	if (request->want_tty && !request->is_quiet)
		fprintf(stderr, "vmrun: a command in an image gets no terminal\n");
	run->in.has_ended = true; /* until there is a command to read it */
	r = distro_start(run, timeout_ms);
	while (r == 0 && run->state != DISTRO_OVER)
		r = distro_round(run);
	distro_vm_end(&run->vm);
	r = distro_explain(run, r);
	distro_vm_done(&run->vm);
	distro_console_close(&run->console);
	fd_close(&run->signal_fd);
	free(run->exec_text);
	free(run->requests);
	free(run);
	return r;
}
