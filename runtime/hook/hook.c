/* Running hooks. Must not decide when, nor what a failure means for the container. */
#include "runtime/hook/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"
#include "runtime/proc/spawn.h"
#include "runtime/proc/strv.h"

#define HOOK_STDERR_BYTES 2048

extern char **environ;

char *hook_state_text(const struct state *s)
{
	const struct state_format format = {.want_details = false};
	struct json_out *out = json_out_new(NULL);
	char *copy;
	size_t size;

	state_put(out, s, &format);
	copy = xstrdup(json_out_text(out, &size));
	json_out_free(out);
	return copy;
}

/* The state as a file that is read from its beginning: a hook that does not read it cannot block
 * us, as a pipe could. */
static int hook_make_stdin(const struct state *s, struct err *e)
{
	auto_close int fd = memfd_create("vmrt-hook-state", MFD_CLOEXEC);
	auto_free char *text = hook_state_text(s);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (r < 0)
		return err_sys(e, r, "preparing a hook's standard input");
	lseek(fd, 0, SEEK_SET);
	return take_fd(fd);
}

static long long hook_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Collects stderr until the hook has ended. -ETIMEDOUT when its time is over. */
static int hook_watch(int pidfd, int stderr_fd, int timeout_ms, char text[HOOK_STDERR_BYTES])
{
	long long end = timeout_ms < 0 ? 0 : hook_now_ms() + timeout_ms;
	size_t have = 0;

	for (;;) {
		struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN},
				      {.fd = stderr_fd, .events = POLLIN}};
		long long left = timeout_ms < 0 ? -1 : end - hook_now_ms();
		char rest[512];
		ssize_t n;

		if (timeout_ms >= 0 && left <= 0)
			return -ETIMEDOUT;
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		n = read(stderr_fd, rest, sizeof(rest));
		if (n > 0 && (size_t)n < HOOK_STDERR_BYTES - have) {
			memcpy(text + have, rest, (size_t)n);
			have += (size_t)n;
			text[have] = '\0';
		}
		if (n == 0)
			stderr_fd = -1; /* closed, but it may run on */
		if (n <= 0 && (p[0].revents & POLLIN))
			return 0;
	}
}

static int hook_start(const struct oci_hook *hook, const char *bundle, const int fds_in[2],
		      pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	const struct spawn_fd fds[] = {{fds_in[0], 0}, {fds_in[1], 2}};
	auto_strv struct strv argv = {0};
	auto_strv struct strv env = {0};
	struct spawn s = {
		.name = "hook",
		.path = hook->path,
		.cwd = bundle,
		.fds = fds,
		.fd_count = sizeof(fds) / sizeof(*fds),
	};

	for (size_t i = 0; i < hook->args.count; i++)
		strv_push(&argv, hook->args.at[i]);
	if (!argv.count)
		strv_push(&argv, hook->path);
	for (size_t i = 0; i < hook->env.count; i++)
		strv_push(&env, hook->env.at[i]);
	s.argv = argv.at;
	s.envp = hook->has_env ? env.at : environ;
	return spawn_start(&s, ret_pid, ret_pidfd, e);
}

static int hook_judge(int status, const char *text, struct err *e)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, -EIO, "signal %d, stderr: %s", WTERMSIG(status), text);
	return err_set(e, -EIO, "exit status %d, stderr: %s", WEXITSTATUS(status), text);
}

static int hook_run(const struct oci_hook *hook, const struct state *s, struct err *e)
{
	int timeout_ms = hook->has_timeout ? (int)hook->timeout_s * 1000 : -1;
	char text[HOOK_STDERR_BYTES] = "";
	auto_close int in = hook_make_stdin(s, e);
	auto_close int out_read = -1;
	auto_close int out_write = -1;
	auto_close int pidfd = -1;
	int status;
	int fds[2];
	pid_t pid;
	int r;

	if (in < 0)
		return in;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe for a hook");
	out_read = fds[0];
	out_write = fds[1];
	fd_set_nonblock(out_read, 1);
	r = hook_start(hook, s->bundle, (int[2]){in, out_write}, &pid, &pidfd, e);
	fd_close(&out_write);
	if (r < 0)
		return r;
	r = hook_watch(pidfd, out_read, timeout_ms, text);
	if (r < 0) {
		spawn_kill(&pidfd);
		return r == -ETIMEDOUT ? err_set(e, r, "timeout of %u s exceeded", hook->timeout_s)
				       : err_sys(e, r, "waiting for its end");
	}
	r = spawn_wait(pidfd, -1, &status);
	return r < 0 ? err_sys(e, r, "waiting for its end") : hook_judge(status, text, e);
}

int hook_run_all(const struct oci_config *config, enum oci_hook_kind kind, const struct state *s,
		 struct err *e)
{
	const struct oci_hooks *hooks = &config->hooks[kind];

	for (size_t i = 0; i < hooks->count; i++) {
		int r = hook_run(&hooks->at[i], s, e);

		if (r < 0)
			err_prefix(e, r, "error running %s hook #%zu (%s)",
				   oci_name_of(&oci_hook_kinds, kind), i, hooks->at[i].path);
		if (r < 0 && kind != OCI_HOOK_POSTSTOP)
			return r;
		if (r < 0)
			log_warn("%s", e->text);
	}
	return 0;
}
