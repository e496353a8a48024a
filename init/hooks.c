/* The startContainer hooks, in the container's process just before its program. Must not outlive
 * them: what they started and left behind is the container's. */
#include "init/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/wording.h"
#include "lib/fd.h"

#define HOOKS_STDERR_BYTES 512

_Noreturn static void hooks_execute(const struct guest_hook *h, int in, int out)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(in, STDIN_FILENO);
	dup2(null_fd >= 0 ? null_fd : out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
	execve(h->path, (char *const *)h->args.at, (char *const *)h->env.at);
	dprintf(STDERR_FILENO, "exec %s: %s", h->path, wording_errno(errno));
	_exit(127);
}

/* Waits for the process; the status of waitpid(2), or -ETIMEDOUT after having killed it. */
static int hooks_wait(pid_t pid, uint32_t timeout_ms, int *ret_status)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int n = p.fd < 0 ? -1 : poll(&p, 1, timeout_ms ? (int)timeout_ms : -1);
	int r = 0;

	if (n <= 0) {
		r = n == 0 ? -ETIMEDOUT : -errno;
		kill(pid, SIGKILL);
	}
	fd_close(&p.fd);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int hooks_run_one(const struct guest_hook *h, const char *state, struct err *e)
{
	auto_close int in = memfd_create("state", MFD_CLOEXEC);
	auto_close int out = memfd_create("stderr", MFD_CLOEXEC);
	char text[HOOKS_STDERR_BYTES];
	ssize_t have;
	int status;
	pid_t pid;
	int r;

	if (in < 0 || out < 0 || fd_write_all(in, state, strlen(state)) < 0 ||
	    lseek(in, 0, SEEK_SET) < 0)
		return err_sys(e, -errno, "guest: a hook's standard input");
	pid = fork();
	if (pid < 0)
		return err_sys(e, -errno, "guest: making a hook's process");
	if (pid == 0)
		hooks_execute(h, in, out);
	r = hooks_wait(pid, h->timeout_ms, &status);
	if (r == -ETIMEDOUT)
		return err_set(e, r, "timeout of %u s exceeded", h->timeout_ms / 1000);
	if (r < 0)
		return err_sys(e, r, "guest: waiting for a hook");
	have = pread(out, text, sizeof(text) - 1, 0);
	text[have > 0 ? have : 0] = '\0';
	if (WIFSIGNALED(status))
		return err_set(e, -EIO, "signal %d, stderr: %s", WTERMSIG(status), text);
	if (WEXITSTATUS(status))
		return err_set(e, -EIO, "exit status %d, stderr: %s", WEXITSTATUS(status), text);
	return 0;
}

int hooks_run(const struct guest_container *c, struct err *e)
{
	for (uint32_t i = 0; i < c->start_hook_count; i++) {
		int r = hooks_run_one(&c->start_hooks[i], c->start_hook_state, e);

		if (r < 0)
			return err_prefix(e, r, "error running startContainer hook #%u (%s)", i,
					  c->start_hooks[i].path);
	}
	return 0;
}
