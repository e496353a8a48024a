/* fork and exec. Must not know what is started: posix_spawn(3), which does for everything else, has
 * no word for a process that is to die with its parent. */
#include "vmrun/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"

static void child_set_signals(const struct child *c)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; c->is_deaf && i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(&mask, ends[i]);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* In the child: system calls only. */
static void child_become(const struct child *c, pid_t parent, int error_fd)
{
	int code;

	if (c->is_mortal) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(1);
	}
	if (c->is_silent) {
		int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (fd >= 0)
			(void)dup2(fd, STDERR_FILENO);
	}
	child_set_signals(c);
	execvp(c->argv[0], c->argv);
	code = errno;
	(void)!write(error_fd, &code, sizeof(code));
	_exit(1);
}

int child_start(const struct child *c, pid_t *ret_pid, struct err *e)
{
	pid_t parent = getpid();
	int pipe_fds[2];
	int code = 0;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	pid = fork();
	if (pid == 0)
		child_become(c, parent, pipe_fds[1]);
	if (pid < 0)
		code = errno;
	close(pipe_fds[1]);
	if (pid > 0 && fd_read_all(pipe_fds[0], &code, sizeof(code)) > 0)
		waitpid(pid, NULL, 0);
	close(pipe_fds[0]);
	if (code)
		return err_set(e, -code, "starting '%s': %s", c->argv[0], strerror(code));
	*ret_pid = pid;
	return 0;
}
