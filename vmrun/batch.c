/* Targets as processes. Must not know what a target is made of: it is a vmrun with its options. */
#include "vmrun/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/junit.h"

#define BATCH_PARENT  "VMRUN_PARENT" /* for our children: whom they end with */
#define BATCH_TICK_MS 1000	     /* the clock of the line of stages, on a terminal */

extern char **environ;

struct batch_job {
	const struct target *target;
	char *output; /* path */
	struct timespec begun;
	struct junit_case result;
	pid_t pid; /* 0: not begun, or ended */
	bool has_ended;
};

struct batch {
	const struct batch_options *options;
	const char *dir;
	const char *folder;
	struct batch_job *jobs;
	size_t count;
	size_t begun;
	size_t running;
	size_t failed;
	int signal_fd;
	bool is_terminal;
	bool was_stopped; /* a signal: nothing new is begun */
};

static double batch_seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static int batch_select(struct batch *b, const struct targets *targets, struct err *e)
{
	const char *filter = b->options->filter ? b->options->filter : "";
	char why[256];
	regex_t regex;
	int r = regcomp(&regex, filter, REG_EXTENDED | REG_NOSUB);

	if (r) {
		regerror(r, &regex, why, sizeof(why));
		return err_set(e, -EINVAL, "option --filter: '%s': %s", filter, why);
	}
	b->jobs = xcalloc(targets->count, sizeof(*b->jobs));
	for (size_t i = 0; i < targets->count; i++) {
		struct batch_job *job = &b->jobs[b->count];

		if (*filter && regexec(&regex, targets->at[i].name, 0, NULL, 0))
			continue;
		job->target = &targets->at[i];
		job->output = xasprintf("%s/output-%zu", b->dir, b->count++);
	}
	regfree(&regex);
	if (!b->count)
		return err_set(e, -ENOENT, "option --filter: no target matches '%s'", filter);
	return 0;
}

/* The line that is being shown, on a terminal only. */
static void batch_show_stages(const struct batch *b)
{
	if (!b->is_terminal)
		return;
	printf("\r\033[K");
	for (size_t i = 0; i < b->begun; i++) {
		const struct batch_job *job = &b->jobs[i];
		struct stat st;
		bool has_spoken = stat(job->output, &st) == 0 && st.st_size;

		if (job->pid)
			printf("%s: %s %.0f s  ", job->target->name,
			       has_spoken ? "running" : "booting",
			       batch_seconds_since(&job->begun));
	}
	fflush(stdout);
}

static int batch_spawn(struct batch *b, struct batch_job *job, struct err *e)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	auto_strv struct strv argv = {0};
	sigset_t none;
	int r;

	strv_push(&argv, "vmrun");
	for (size_t i = 0; i < job->target->args.count; i++)
		strv_push(&argv, job->target->args.at[i]);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	/* Its own group: what the terminal's keys send is passed on by us, once. */
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addchdir_np(&files, b->folder);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, job->output,
					 O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	r = posix_spawn(&job->pid, "/proc/self/exe", &files, &attr, argv.at, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return r ? err_set(e, -r, "starting target '%s': %s", job->target->name, strerror(r)) : 0;
}

static int batch_begin(struct batch *b, struct err *e)
{
	unsigned int limit = b->options->jobs ? b->options->jobs : 1;
	int r = 0;

	while (!r && !b->was_stopped && b->begun < b->count && b->running < limit) {
		struct batch_job *job = &b->jobs[b->begun];

		clock_gettime(CLOCK_MONOTONIC, &job->begun);
		r = batch_spawn(b, job, e);
		if (r == 0) {
			b->begun++;
			b->running++;
		}
	}
	return r;
}

static void batch_show_output(const struct batch_job *job)
{
	auto_close int fd = open(job->output, O_RDONLY | O_CLOEXEC);
	char data[64 << 10];
	char last = '\n';
	ssize_t n;

	fflush(stdout);
	while (fd >= 0 && (n = fd_read_all(fd, data, sizeof(data))) > 0) {
		last = data[n - 1];
		if (fd_write_all(STDOUT_FILENO, data, (size_t)n) < 0)
			return;
	}
	if (last != '\n')
		putchar('\n');
}

static void batch_tell(struct batch *b, struct batch_job *job)
{
	const struct junit_case *c = &job->result;

	if (b->is_terminal)
		printf("\r\033[K");
	if (c->status)
		printf("FAIL %s: exit status %d (%.1f s)\n", c->name, c->status, c->seconds);
	else
		printf("PASS %s (%.1f s)\n", c->name, c->seconds);
	if (c->status || b->options->is_verbose)
		batch_show_output(job);
	fflush(stdout);
}

static void batch_end(struct batch *b, struct batch_job *job, int status)
{
	job->pid = 0;
	job->has_ended = true;
	b->running--;
	job->result = (struct junit_case){
		.name = job->target->name,
		.output = job->output,
		.seconds = batch_seconds_since(&job->begun),
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	};
	b->failed += job->result.status != 0;
	batch_tell(b, job);
}

static void batch_reap(struct batch *b)
{
	for (size_t i = 0; i < b->begun; i++) {
		int status;

		if (b->jobs[i].pid && waitpid(b->jobs[i].pid, &status, WNOHANG) > 0)
			batch_end(b, &b->jobs[i], status);
	}
}

static void batch_on_signals(struct batch *b)
{
	struct signalfd_siginfo info;

	while (read(b->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		b->was_stopped = true;
		for (size_t i = 0; i < b->begun; i++) {
			if (b->jobs[i].pid)
				kill(b->jobs[i].pid, (int)info.ssi_signo);
		}
	}
	batch_reap(b);
}

static int batch_watch(struct batch *b, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	b->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return b->signal_fd < 0 ? err_sys(e, -errno, "watching signals") : 0;
}

static int batch_loop(struct batch *b, struct err *e)
{
	struct pollfd p = {.fd = b->signal_fd, .events = POLLIN};
	int r = batch_begin(b, e);

	while (b->running) {
		batch_show_stages(b);
		if (poll(&p, 1, b->is_terminal ? BATCH_TICK_MS : -1) < 0 && errno != EINTR)
			return err_sys(e, -errno, "waiting for targets");
		batch_on_signals(b);
		if (r == 0)
			r = batch_begin(b, e);
	}
	return r;
}

static int batch_finish(const struct batch *b, struct err *e)
{
	struct junit_case *cases = xcalloc(b->count, sizeof(*cases));
	size_t ended = 0;
	int r = 0;

	for (size_t i = 0; i < b->begun; i++) {
		if (b->jobs[i].has_ended)
			cases[ended++] = b->jobs[i].result;
	}
	if (b->count > 1)
		printf("%zu passed, %zu failed%s\n", ended - b->failed, b->failed,
		       ended < b->count ? ", interrupted" : "");
	if (b->options->junit)
		r = junit_write(b->options->junit, cases, ended, e);
	if (r == 0 && b->count == 1 && ended == 1)
		r = cases[0].status;
	else if (r == 0)
		r = (int)(b->failed < BATCH_FAILURES_MAX ? b->failed : BATCH_FAILURES_MAX);
	if (r == 0 && ended < b->count)
		r = err_set(e, -EINTR, "interrupted: %zu of %zu targets ran", ended, b->count);
	free(cases);
	return r;
}

void batch_join_parent(void)
{
	const char *parent = getenv(BATCH_PARENT);

	if (!parent)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != (pid_t)strtol(parent, NULL, 10))
		(void)raise(SIGKILL);
	unsetenv(BATCH_PARENT);
}

static int batch_tell_children(struct err *e)
{
	auto_free char *pid = xasprintf("%d", getpid());

	return setenv(BATCH_PARENT, pid, 1) < 0 ? err_sys(e, -errno, "$" BATCH_PARENT) : 0;
}

int batch_run(const struct targets *targets, const struct batch_options *options, const char *dir,
	      struct err *e)
{
	struct batch b = {
		.options = options,
		.dir = dir,
		.folder = targets->folder,
		.signal_fd = -1,
		.is_terminal = isatty(STDOUT_FILENO),
	};
	int r = batch_select(&b, targets, e);

	if (r == 0)
		r = batch_watch(&b, e);
	if (r == 0)
		r = batch_tell_children(e);
	if (r == 0)
		r = batch_loop(&b, e);
	if (r == 0)
		r = batch_finish(&b, e);
	for (size_t i = 0; i < b.count; i++)
		free(b.jobs[i].output);
	free(b.jobs);
	fd_close(&b.signal_fd);
	return r;
}
