/* The host process of an exec session. Must not touch the session's bytes: the monitor does. */
#include "runtime/cmd/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/ctl/ctl.h"
#include "runtime/proc/keep_fds.h"
#include "runtime/proc/title.h"
#include "runtime/proc/spawn.h"
#include "runtime/sandbox/confine.h"

#define AGENT_STATUS_BROKEN 255

struct agent {
	const struct agent_start *start;
	int tty_fd;  /* a copy: start's may be 0, which becomes /dev/null; -1: none */
	int sync_fd; /* to the command that forked us */
	int ctl_fd;
	int signal_fd;
};

static int agent_watch_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigdelset(&set, SIGPIPE);
	sigdelset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void agent_tell_size(const struct agent *a)
{
	struct ctl_message resize = {.verb = CTL_RESIZE};
	struct winsize size;

	if (ioctl(a->tty_fd, TIOCGWINSZ, &size) < 0)
		return;
	resize.rows = size.ws_row;
	resize.columns = size.ws_col;
	(void)ctl_send(a->ctl_fd, &resize);
}

static void agent_forward_signals(const struct agent *a)
{
	struct signalfd_siginfo info;

	while (read(a->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct ctl_message kill = {.verb = CTL_KILL, .signo = (int)info.ssi_signo};

		if (info.ssi_signo == SIGWINCH && a->tty_fd >= 0)
			agent_tell_size(a);
		else
			(void)ctl_send(a->ctl_fd, &kill);
	}
}

/* The engine's descriptors are the monitor's now; ours would keep streams open. */
static void agent_drop_stdio(const struct agent_start *start)
{
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(null_fd, i);
	for (int i = 0; i < 3; i++) {
		bool is_same = i > 0 && start->stdio[i] == start->stdio[i - 1];

		if (start->stdio[i] > STDERR_FILENO && !is_same)
			close(start->stdio[i]);
	}
}

/* A description of its own for the monitor, which makes it non-blocking: the caller's is shared
 * with others. The monitor may not open what is not root's. -1: there is none. */
static int agent_reopen(int fd, bool is_input)
{
	struct stat st;
	char path[64];

	if (fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, (is_input ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int agent_request(struct agent *a, struct err *e)
{
	const struct agent_start *start = a->start;
	const struct ctl_message request = {.verb = CTL_EXEC};
	auto_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[CTL_FD_MAX] = {start->process_fd};
	int own[3] = {-1, -1, -1};
	int r;

	a->ctl_fd = ctl_connect(start->state_dirfd);
	if (a->ctl_fd < 0)
		return err_set(e, -ECONNREFUSED, "cannot exec in a stopped container");
	a->signal_fd = agent_watch_signals();
	if (a->signal_fd < 0)
		return err_sys(e, -errno, "watching signals");
	setsid();
	if (start->tty_fd >= 0) {
		a->tty_fd = fcntl(start->tty_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (a->tty_fd < 0 || (start->owns_tty && ioctl(a->tty_fd, TIOCSCTTY, 0) < 0))
			return err_sys(e, -errno, "taking the terminal");
	}
	/* A terminal has no stderr, and the packet no holes. */
	for (int i = 0; i < 3; i++) {
		fds[i + 1] = start->stdio[i] >= 0 ? start->stdio[i] : null_fd;
		if (start->tty_fd < 0)
			own[i] = agent_reopen(fds[i + 1], i == STDIN_FILENO);
		if (own[i] >= 0)
			fds[i + 1] = own[i];
	}
	r = ctl_send_fds(a->ctl_fd, &request, fds, CTL_FD_MAX);
	for (int i = 0; i < 3; i++)
		fd_close(&own[i]);
	if (r < 0)
		return err_set(e, r, "the container's monitor ended");
	agent_drop_stdio(start);
	/* What it holds is what it can reach. */
	close(start->state_dirfd);
	close(start->process_fd);
	return 0;
}

static void agent_report(struct agent *a, int error, const char *text)
{
	const struct ctl_message message = {.verb = CTL_REPLY, .error = error, .text = text};

	(void)ctl_send(a->sync_fd, &message);
	fd_close(&a->sync_fd);
}

/* One message of the monitor's. True: that was the last, *ret_status is ours. */
static bool agent_on_message(struct agent *a, int *ret_status)
{
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message m;
	int r = ctl_receive(a->ctl_fd, &m, buffer);

	*ret_status = AGENT_STATUS_BROKEN;
	if (r < 0) {
		if (a->sync_fd >= 0)
			agent_report(a, EIO, "the container's monitor ended");
		return true;
	}
	if (m.verb == CTL_EXITED) {
		*ret_status = m.status;
		return true;
	}
	if (m.verb == CTL_REPLY && a->sync_fd >= 0) {
		agent_report(a, m.error, m.text);
		/* The size may have changed while the guest was at it. */
		if (!m.error && a->tty_fd >= 0)
			agent_tell_size(a);
		return m.error;
	}
	return false;
}

/* Who had the terminal for us was killed: a shell may wait to have it back. Our end is the end of
 * the guest's process, as a hang-up would be. */
static int agent_lose_caller(const struct agent *a)
{
	struct tty_raw raw = *a->start->raw;

	raw.fd = a->tty_fd;
	tty_restore(&raw);
	return AGENT_STATUS_BROKEN;
}

static int agent_run(void *arg)
{
	struct agent *a = arg;
	struct err e;
	int status;

	prctl(PR_SET_NAME, "vmrt-exec");
	title_set(a->start->args->at, a->start->args->count);
	prctl(PR_SET_PDEATHSIG, 0);
	keep_fds((const int[]){0, 1, 2, a->start->state_dirfd, a->start->process_fd,
			       a->start->stdio[0], a->start->stdio[1], a->start->stdio[2],
			       a->start->tty_fd, a->start->caller_pidfd, a->sync_fd},
		 11);
	if (agent_request(a, &e) < 0 || confine_finish(CONFINE_AGENT, &e) < 0) {
		agent_report(a, EIO, e.text);
		return AGENT_STATUS_BROKEN;
	}
	for (;;) {
		struct pollfd p[3] = {{.fd = a->ctl_fd, .events = POLLIN},
				      {.fd = a->signal_fd, .events = POLLIN},
				      {.fd = a->start->caller_pidfd, .events = POLLIN}};

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[2].revents)
			return agent_lose_caller(a);
		if (p[1].revents)
			agent_forward_signals(a);
		if (p[0].revents && agent_on_message(a, &status))
			return status;
	}
}

int agent_start(const struct agent_start *start, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	struct agent a = {
		.start = start, .tty_fd = -1, .sync_fd = -1, .ctl_fd = -1, .signal_fd = -1};
	uint8_t buffer[CTL_PACKET_MAX];
	auto_close int pidfd = -1;
	auto_close int mine = -1;
	struct ctl_message reply;
	int sync[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		return err_sys(e, -errno, "making a socket pair");
	mine = sync[0];
	a.sync_fd = sync[1];
	if (setns(start->monitor_pidfd, CLONE_NEWPID) < 0) {
		fd_close(&sync[1]);
		return err_sys(e, -errno, "joining the container's pid namespace");
	}
	r = spawn_monitor(0, agent_run, &a, ret_pid, &pidfd, e);
	fd_close(&sync[1]);
	if (r < 0)
		return r;
	r = ctl_receive(mine, &reply, buffer);
	if (r < 0 || reply.error) {
		r = err_set(e, r < 0 ? -EIO : -reply.error, "%s",
			    r < 0 ? "cannot exec in a stopped container" : reply.text);
		spawn_kill(&pidfd);
		return r;
	}
	*ret_pidfd = take_fd(pidfd);
	return 0;
}
