/* The commands create, run, start, kill, delete: from words to launch.h. */
#include "runtime/cmd/launch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/proc/spawn.h"

static int lifecycle_check_options(const struct cmd *c, struct err *e)
{
	if (c->values.console_socket)
		return err_set(e, -ENOTSUP, "option --console-socket: terminals are not supported yet");
	if (c->values.preserve_fds)
		return err_set(e, -ENOTSUP,
			       "option --preserve-fds: descriptors cannot be passed into a VM yet");
	return 0;
}

int cmd_create(struct cmd *c, struct err *e)
{
	const struct launch launch = {
		.id = c->argv[0],
		.bundle = c->values.bundle,
		.pid_file = c->values.pid_file,
	};
	auto_close int pidfd = -1;
	int r = lifecycle_check_options(c, e);

	return r < 0 ? r : launch_create(c, &launch, &pidfd, e);
}

int cmd_start(struct cmd *c, struct err *e)
{
	return launch_start(c, c->argv[0], e);
}

int cmd_delete(struct cmd *c, struct err *e)
{
	return launch_delete(c, c->argv[0], c->values.is_force, e);
}

/* "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3", "RTMAX-1". */
static int lifecycle_parse_signal(const char *text)
{
	const char *name = text;
	char *end;
	long number = strtol(text, &end, 10);

	if (*text && !*end)
		return number >= 0 && number <= SIGRTMAX ? (int)number : -EINVAL;
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	if (!strncasecmp(name, "RTMIN", 5) || !strncasecmp(name, "RTMAX", 5)) {
		int base = toupper((unsigned char)name[3]) == 'I' ? SIGRTMIN : SIGRTMAX;

		number = name[5] ? strtol(name + 5, &end, 10) : 0;
		if ((name[5] && *end) || base + number < SIGRTMIN || base + number > SIGRTMAX)
			return -EINVAL;
		return base + (int)number;
	}
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *abbreviation = sigabbrev_np(i);

		if (abbreviation && !strcasecmp(abbreviation, name))
			return i;
	}
	return -EINVAL;
}

int cmd_kill(struct cmd *c, struct err *e)
{
	const char *name = c->argc > 1 ? c->argv[1] : "SIGTERM";
	int signo = lifecycle_parse_signal(name);

	if (signo < 0)
		return err_set(e, -EINVAL, "unknown signal \"%s\"", name);
	return launch_kill(c, c->argv[0], signo, c->values.is_all, e);
}

/* The foreground: signals go to the container, the container's end is ours. */
static int lifecycle_wait(int pidfd, int signal_fd, struct err *e)
{
	struct signalfd_siginfo info;
	int status;
	int r;

	for (;;) {
		struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN},
				      {.fd = signal_fd, .events = POLLIN}};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, -errno, "waiting for the container");
		if (p[0].revents & POLLIN)
			break;
		if (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
		    info.ssi_signo != SIGCHLD)
			(void)pidfd_send_signal(pidfd, (int)info.ssi_signo, NULL, 0);
	}
	r = spawn_wait(pidfd, -1, &status);
	if (r < 0)
		return err_sys(e, r, "waiting for the container");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int lifecycle_block_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigfillset(&set);
	sigdelset(&set, SIGPIPE);
	sigdelset(&set, SIGTSTP);
	sigdelset(&set, SIGTTIN);
	sigdelset(&set, SIGTTOU);
	sigdelset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, -errno, "watching signals") : fd;
}

/* The container's stdin and stdout are the monitor's alone: a writer that feeds us must get
 * EPIPE, and a reader its end of file, when the container says so and not when we end. */
static void lifecycle_drop_stdio(void)
{
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
}

static int lifecycle_run_foreground(struct cmd *c, int pidfd, int signal_fd, struct err *e)
{
	struct err delete_error;
	int r;

	lifecycle_drop_stdio();
	r = launch_start(c, c->argv[0], e);
	if (r < 0) {
		(void)!launch_delete(c, c->argv[0], true, &delete_error);
		return r;
	}
	r = lifecycle_wait(pidfd, signal_fd, e);
	if (r < 0)
		return r;
	c->exit_status = r;
	if (!c->values.want_keep && launch_delete(c, c->argv[0], true, &delete_error) < 0)
		log_warn("%s", delete_error.text);
	return 0;
}

int cmd_run(struct cmd *c, struct err *e)
{
	const struct launch launch = {
		.id = c->argv[0],
		.bundle = c->values.bundle,
		.pid_file = c->values.pid_file,
		.is_foreground = !c->values.is_detached,
	};
	auto_close int signal_fd = -1;
	auto_close int pidfd = -1;
	int r = lifecycle_check_options(c, e);

	if (r == 0)
		r = launch_create(c, &launch, &pidfd, e);
	if (r < 0)
		return r;
	if (!c->values.is_detached) {
		signal_fd = lifecycle_block_signals(e);
		return signal_fd < 0 ? signal_fd
				     : lifecycle_run_foreground(c, pidfd, signal_fd, e);
	}
	r = launch_start(c, c->argv[0], e);
	if (r < 0) {
		struct err ignored;

		(void)!launch_delete(c, c->argv[0], true, &ignored);
	}
	return r;
}
