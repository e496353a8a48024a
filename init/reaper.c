/* Taking the ends of processes. Must not know what a process was for. */
#include "init/reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/loop.h"
#include "init/machine.h"
#include "init/session.h"

static struct loop_source reaper_source = {.fd = -1};

static void reaper_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) != 0) {
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break; /* ECHILD: nobody is left */
		session_on_reaped(pid, status);
	}
	if (pid < 0)
		session_on_alone();
}

static void reaper_on_event(struct loop_source *s, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->fd, &info, sizeof(info)) < 0 && errno != EAGAIN)
		machine_die("reaper: signalfd: errno %d", errno);
	reaper_reap();
}

void reaper_init(void)
{
	sigset_t all;
	sigset_t child;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		machine_die("signalfd: errno %d", errno);
	loop_add(&reaper_source, fd, EPOLLIN, reaper_on_event);
}
