/*
 * subreap [--report FILE] [--linger] COMMAND [ARG…]: plays an engine's subreaper, as
 * containerd-shim and conmon do.
 *
 * Runs COMMAND, adopts what it leaves behind, and reaps until no child is left. FILE gets one line
 * per reaped process as it happens: "command PID exit N", "adopted PID exit N" or "... signal N".
 * Ends with COMMAND's status. With --linger it ends when COMMAND does and does not wait for what
 * was adopted: the runner uses it to find leaked processes below itself. SIGTERM ends it at once.
 * It must not look at anything but wait statuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void report_end(int fd, bool is_command, pid_t pid, int status)
{
	if (fd >= 0)
		dprintf(fd, "%s %d %s %d\n", is_command ? "command" : "adopted", pid,
			WIFEXITED(status) ? "exit" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int reap_children(int report, pid_t command, bool is_lingering)
{
	int result = 125;

	for (;;) {
		int status;
		pid_t pid = wait(&status);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return result;
		report_end(report, pid == command, pid, status);
		if (pid != command)
			continue;
		result = status_code(status);
		if (is_lingering)
			return result;
	}
}

int main(int argc, char **argv)
{
	bool is_lingering = false;
	int report = -1, next = 1;
	pid_t command;

	for (; next < argc && strncmp(argv[next], "--", 2) == 0; next++) {
		if (strcmp(argv[next], "--linger") == 0) {
			is_lingering = true;
		} else if (strcmp(argv[next], "--report") == 0 && next + 1 < argc) {
			report =
				open(argv[++next], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
			if (report < 0) {
				perror(argv[next]);
				return 125;
			}
		} else {
			break;
		}
	}
	if (next >= argc) {
		fprintf(stderr, "usage: subreap [--report FILE] [--linger] COMMAND [ARG…]\n");
		return 125;
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
		perror("subreap: PR_SET_CHILD_SUBREAPER");
		return 125;
	}
	command = fork();
	if (command == 0) {
		execvp(argv[next], argv + next);
		perror(argv[next]);
		_exit(127);
	}
	if (command < 0) {
		perror("subreap: fork");
		return 125;
	}
	/* The stdio of what is run is not ours to keep open: a reader waits for its end. */
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	return reap_children(report, command, is_lingering);
}
