/* Waiting in the foreground. Must not know what it waits for. */
#include "runtime/cmd/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/proc/spawn.h"

#define FOREGROUND_NOTIFICATION_BYTES 4096

void foreground_drop_stdio(const struct stdio_plan *io)
{
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (io->raw.fd >= 0)
		return; /* the terminal has to be restored, and has no end to hide */
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
}

/* Job control signals are ours: the container must not be stopped because we are. */
static void foreground_signals(sigset_t *set)
{
	sigfillset(set);
	sigdelset(set, SIGPIPE);
	sigdelset(set, SIGTTIN);
	sigdelset(set, SIGTTOU);
}

void foreground_hold_signals(void)
{
	sigset_t set;

	foreground_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void foreground_release_signals(void)
{
	sigset_t set;

	foreground_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int foreground_watch_signals(struct err *e)
{
	sigset_t set;
	int fd;

	foreground_signals(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, -errno, "watching signals") : fd;
}

/* ^Z arrives in the guest as a byte; SIGTSTP comes from outside: give the terminal back first. */
static void foreground_suspend(struct stdio_plan *io)
{
	tty_restore(&io->raw);
	raise(SIGSTOP);
	tty_again_raw(&io->raw);
}

static void foreground_tell_size(int pidfd, const struct stdio_plan *io)
{
	if (io->raw.fd >= 0)
		(void)pidfd_send_signal(pidfd, SIGWINCH, NULL, 0);
}

static void foreground_on_signal(int pidfd, int signo, struct stdio_plan *io)
{
	switch (signo) {
	case SIGCHLD:
	case SIGCONT:
		break;
	case SIGTSTP:
		foreground_suspend(io);
		foreground_tell_size(pidfd, io); /* it may be another by now */
		break;
	default:
		(void)pidfd_send_signal(pidfd, signo, NULL, 0);
	}
}

static void foreground_pass_notification(const struct stdio_plan *io)
{
	char text[FOREGROUND_NOTIFICATION_BYTES];
	ssize_t n;

	/* A manager that does not read misses some. */
	while ((n = recv(io->notify_from, text, sizeof(text), MSG_DONTWAIT)) > 0)
		(void)send(io->notify_to, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int foreground_wait(int pidfd, struct stdio_plan *io, struct err *e)
{
	auto_close int signal_fd = foreground_watch_signals(e);
	struct signalfd_siginfo info;
	int status;
	int r;

	if (signal_fd < 0)
		return signal_fd;
	foreground_drop_stdio(io);
	foreground_tell_size(pidfd, io); /* nobody listened for SIGWINCH until now */
	for (;;) {
		struct pollfd p[3] = {{.fd = pidfd, .events = POLLIN},
				      {.fd = signal_fd, .events = POLLIN},
				      {.fd = io->notify_from, .events = POLLIN}};

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_sys(e, -errno, "waiting for the container");
		if (p[2].revents & POLLIN)
			foreground_pass_notification(io);
		if (p[0].revents & POLLIN)
			break;
		while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			foreground_on_signal(pidfd, (int)info.ssi_signo, io);
	}
	r = spawn_wait(pidfd, -1, &status);
	if (r < 0)
		return err_sys(e, r, "waiting for the container");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
