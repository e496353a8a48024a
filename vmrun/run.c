/* Running vmrt and understanding how it ended. Must not know what is in the bundle.
 *
 *   vmrun ── posix_spawn ──> vmrt run --log F … ID
 *     │  signals (not the terminal's own: vmrt, in the same group, has those already) ──>
 *     │  <── exit status;  F: empty, or one JSON line that says why it is not the command's
 */
#include "vmrun/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json.h"
#include "runtime/proc/strv.h"
#include "vmrun/child.h"
#include "vmrun/console.h"
#include "vmrun/standalone.h"

#define RUN_LOG_BYTES	  (256u << 10)
#define RUN_CONSOLE_BYTES (16u << 20)
/* Before what runc says of a program that cannot be executed: `exec: "x": ...`, `exec /x: ...`. */
#define RUN_EXEC_TEXT "unable to start container process: exec"
#define RUN_GRACE_S   5 /* between SIGTERM and SIGKILL after a timeout */

struct run {
	const char *dir;
	const struct bundle_ids *ids;
	char *vmrt;
	char *id;
	char *state;
	char *log;
	char *console;
	size_t console_begin; /* what was in it before: --console appends */
	pid_t pid;
	int pidfd;
	int signal_fd;
	int timer_fd;
	uint64_t forwarded; /* 1 << signal number */
	bool has_timed_out;
	bool is_standalone;
	struct console output; /* of a standalone program */
};

char *run_find_vmrt(void)
{
	const char *asked = getenv("VMRT");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	auto_free char *beside = NULL;
	char *slash;

	if (asked && *asked)
		return xstrdup(asked);
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	beside = xasprintf("%s/vmrt", self);
	return access(beside, X_OK) == 0 ? take_ptr(beside) : xstrdup("vmrt");
}

static int run_spawn(const struct run *run, const struct strv *argv, bool is_deaf, pid_t *ret_pid,
		     struct err *e)
{
	const struct child child = {
		.argv = argv->at,
		.is_deaf = is_deaf,
		.is_silent = run->is_standalone, /* every end of its is an error to vmrt */
		.is_mortal = !is_deaf,
	};

	return child_start(&child, ret_pid, e);
}

static int run_start(struct run *run, const struct request *request, struct err *e)
{
	auto_strv struct strv argv = {0};
	auto_close int null_fd = -1;
	int r;

	strv_push(&argv, run->vmrt);
	strv_push(&argv, "--root");
	strv_push(&argv, run->state);
	strv_push(&argv, "--log");
	strv_push(&argv, run->log);
	strv_push(&argv, "--log-format");
	strv_push(&argv, "json");
	strv_push(&argv, "run");
	strv_push(&argv, "--trust-bundle");
	strv_push(&argv, "--caller-ids");
	strv_pushf(&argv, "%u:%u", run->ids->uid, run->ids->gid);
	strv_push(&argv, "--bundle");
	strv_push(&argv, run->dir);
	if (!request->is_dry_run || request->console) {
		strv_push(&argv, "--console-log");
		strv_push(&argv, run->console);
	}
	if (request->gdb) {
		strv_push(&argv, "--gdb");
		strv_push(&argv, request->gdb);
	}
	if (request->is_dry_run) {
		strv_push(&argv, "--dry-run");
		strv_push(&argv, run->dir);
	}
	if (request->want_keep)
		strv_push(&argv, "--keep");
	strv_push(&argv, run->id);
	if (!request->want_input) {
		null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
			return err_sys(e, -errno, "/dev/null");
	}
	r = run_spawn(run, &argv, false, &run->pid, e);
	if (r < 0)
		return r;
	run->pidfd = pidfd_open(run->pid, 0);
	return run->pidfd < 0 ? err_sys(e, -errno, "watching vmrt") : 0;
}

/* Stopping and continuing is between us, vmrt and the shell: all are in one group. */
static int run_watch(struct run *run, unsigned int timeout_ms, struct err *e)
{
	const int left[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGPIPE, SIGSEGV, SIGABRT};
	const struct itimerspec when = {
		.it_value = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L}};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++)
		sigdelset(&set, left[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->signal_fd < 0 || run->timer_fd < 0 ||
	    timerfd_settime(run->timer_fd, 0, &when, NULL) < 0)
		return err_sys(e, -errno, "watching signals and the time");
	return 0;
}

/* What the terminal's keys sent has SI_KERNEL and went to the whole foreground group. */
static void run_forward(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signo = (int)info.ssi_signo;

		if (signo == SIGCHLD || signo == SIGWINCH)
			continue;
		run->forwarded |= 1ull << signo;
		if (info.ssi_code != SI_KERNEL)
			(void)pidfd_send_signal(run->pidfd, signo, NULL, 0);
	}
}

static void run_kill(const struct run *run)
{
	auto_strv struct strv argv = {0};
	struct err ignored;
	pid_t pid;

	strv_push(&argv, run->vmrt);
	strv_push(&argv, "--root");
	strv_push(&argv, run->state);
	strv_push(&argv, "kill");
	strv_push(&argv, run->id);
	strv_push(&argv, "KILL");
	if (run_spawn(run, &argv, true, &pid, &ignored) == 0)
		waitpid(pid, NULL, 0);
}

/* SIGTERM reaches the command through vmrt; when that has not ended it in time, the VM is ended. */
static void run_on_timeout(struct run *run)
{
	const struct itimerspec grace = {.it_value = {.tv_sec = RUN_GRACE_S}};
	uint64_t ticks;

	(void)!read(run->timer_fd, &ticks, sizeof(ticks));
	if (!run->has_timed_out) {
		run->has_timed_out = true;
		(void)pidfd_send_signal(run->pidfd, SIGTERM, NULL, 0);
		timerfd_settime(run->timer_fd, 0, &grace, NULL);
		return;
	}
	run_kill(run);
}

/* Without a process of its own in the guest vmrt does not learn of a machine that stands still. */
static void run_follow(struct run *run, bool is_last)
{
	bool was_halted = run->output.is_halted;

	console_follow(&run->output, is_last);
	if (run->output.is_halted && !was_halted && !is_last)
		(void)pidfd_send_signal(run->pidfd, SIGTERM, NULL, 0);
}

static int run_wait(struct run *run, int *ret_status, struct err *e)
{
	struct pollfd p[] = {{.fd = run->pidfd, .events = POLLIN},
			     {.fd = run->signal_fd, .events = POLLIN},
			     {.fd = run->timer_fd, .events = POLLIN},
			     {.fd = run->output.notify_fd, .events = POLLIN}};

	for (;;) {
		if (poll(p, 4, -1) < 0 && errno != EINTR)
			return err_sys(e, -errno, "waiting for vmrt");
		if (p[1].revents & POLLIN)
			run_forward(run);
		if (p[2].revents & POLLIN)
			run_on_timeout(run);
		if (p[3].revents & POLLIN)
			run_follow(run, false);
		if (p[0].revents & POLLIN)
			break;
	}
	if (waitpid(run->pid, ret_status, 0) < 0)
		return err_sys(e, -errno, "waiting for vmrt");
	return 0;
}

/* The message of vmrt's last error, owned; NULL: it had none, the status is the command's. */
static char *run_read_error(const struct run *run)
{
	auto_free char *text = NULL;
	struct json_doc *doc = NULL;
	const char *msg = NULL;
	char *found = NULL;
	size_t size = 0;
	struct err e;

	if (fd_read_file(AT_FDCWD, run->log, RUN_LOG_BYTES, &text, &size) < 0 || !size)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	if (json_doc_parse(text, strlen(text), "log", &doc, &e) < 0)
		return xstrdup(text);
	if (json_string(doc, json_doc_root(doc), "msg", &msg) && msg)
		found = xstrdup(msg);
	json_doc_free(doc);
	return found ? found : xstrdup(text);
}

/* The texts are runc's, which engines read the same way. */
static int run_classify(const char *message)
{
	if (strstr(message, "guest: kernel panic") || strstr(message, "guest: init died"))
		return REQUEST_EXIT_LOST;
	if (!strstr(message, RUN_EXEC_TEXT))
		return REQUEST_EXIT_OWN;
	if (strstr(message, "not found in $PATH") || strstr(message, "no such file or directory"))
		return REQUEST_EXIT_NOT_FOUND;
	if (strstr(message, "permission denied") || strstr(message, "is a directory") ||
	    strstr(message, "exec format error"))
		return REQUEST_EXIT_NOT_EXECUTABLE;
	return REQUEST_EXIT_OWN;
}

/* What the guest's kernel said from its first complaint on. */
static void run_show_panic(const struct run *run)
{
	static const char *const begins[] = {"BUG: ", "Oops: ", "Kernel panic"};
	auto_free char *file = NULL;
	char *text;
	char *first = NULL;
	char *save = NULL;
	struct stat st;
	size_t size;

	/* A FIFO or a terminal has shown it by itself. */
	if (stat(run->console, &st) < 0 || !S_ISREG(st.st_mode) ||
	    fd_read_file(AT_FDCWD, run->console, RUN_CONSOLE_BYTES, &file, &size) < 0 ||
	    size < run->console_begin)
		return;
	text = file + run->console_begin;
	if (!strstr(text, "Kernel panic"))
		return;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		char *at = strstr(text, begins[i]);

		if (at && (!first || at < first))
			first = at;
	}
	while (first > text && first[-1] != '\n')
		first--;
	for (char *line = strtok_r(first, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save))
		fprintf(stderr, "%s\n", line);
}

/* The program's own status, or a line that says what happened instead. */
static int run_explain_standalone(const struct run *run, const char *message, bool was_killed)
{
	const struct console *output = &run->output;
	int result = output->is_halted && was_killed ? output->told
						     : standalone_status(message, output->told);

	if (result >= 0)
		return result;
	fprintf(stderr, "vmrun: %s\n",
		message ? message : "the program shut the machine down without telling a status");
	return REQUEST_EXIT_LOST;
}

static int run_explain(const struct run *run, int status, struct err *e)
{
	auto_free char *message = run_read_error(run);
	int result = message ? run_classify(message) : WEXITSTATUS(status);

	if (run->has_timed_out)
		return REQUEST_EXIT_TIMEOUT;
	if (run->is_standalone && (message || run->output.is_halted) &&
	    (!message || !strncmp(message, "guest: ", 7)))
		return run_explain_standalone(run, message, WIFSIGNALED(status));
	if (run->is_standalone && message)
		return err_set(e, -EIO, "%s", message);
	/* While the VM boots a signal is vmrt's own. */
	if (WIFSIGNALED(status) && (run->forwarded & 1ull << WTERMSIG(status)))
		return 128 + WTERMSIG(status);
	if (WIFSIGNALED(status))
		return err_set(e, -EIO, "vmrt was killed by signal %d", WTERMSIG(status));
	if (result == REQUEST_EXIT_LOST)
		run_show_panic(run);
	return result;
}

/* A vmrt that was killed leaves its record of what it made on the host. */
static void run_delete(const struct run *run)
{
	auto_strv struct strv argv = {0};
	struct err ignored;
	pid_t pid;

	strv_push(&argv, run->vmrt);
	strv_push(&argv, "--root");
	strv_push(&argv, run->state);
	strv_push(&argv, "delete");
	strv_push(&argv, "--force");
	strv_push(&argv, run->id);
	if (run_spawn(run, &argv, true, &pid, &ignored) < 0)
		return;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void run_done(struct run *run)
{
	free(run->vmrt);
	free(run->id);
	free(run->state);
	free(run->log);
	free(run->console);
	fd_close(&run->pidfd);
	fd_close(&run->signal_fd);
	fd_close(&run->timer_fd);
	console_done(&run->output);
}

int run_bundle(const struct request *request, const char *dir, const struct bundle_ids *ids,
	       unsigned int timeout_ms, struct err *e)
{
	struct run run = {
		.dir = dir,
		.ids = ids,
		.vmrt = run_find_vmrt(),
		.id = xstrdup(strrchr(dir, '/') + 1),
		.state = xasprintf("%s/state", dir),
		.log = xasprintf("%s/log", dir),
		.console =
			request->console ? xstrdup(request->console) : xasprintf("%s/console", dir),
		.pidfd = -1,
		.signal_fd = -1,
		.timer_fd = -1,
		.is_standalone = request->is_standalone && !request->is_dry_run,
		.output = {.fd = -1, .notify_fd = -1},
	};
	struct stat st;
	bool is_gdb_ours = request->gdb && lstat(request->gdb, &st) < 0;
	int status = 0;
	int r;

	if (stat(run.console, &st) == 0 && S_ISREG(st.st_mode))
		run.console_begin = (size_t)st.st_size;
	r = run_watch(&run, timeout_ms, e);
	if (r == 0 && run.is_standalone)
		r = console_open(&run.output, run.console, e);
	if (r == 0)
		r = run_start(&run, request, e);
	if (r == 0)
		r = run_wait(&run, &status, e);
	if (r == 0 && run.is_standalone)
		run_follow(&run, true);
	if (r == 0 && WIFSIGNALED(status) && !request->want_keep)
		run_delete(&run);
	if (r == 0 && is_gdb_ours && lstat(request->gdb, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(request->gdb);
	if (r == 0)
		r = run_explain(&run, status, e);
	run_done(&run);
	return r;
}
