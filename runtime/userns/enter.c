/* Entering user namespaces. Must not return to a caller that it has changed: it executes vmrt anew,
 * because a process that gains rights in a namespace is not its own any more in /proc. */
#include "runtime/userns/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/proc/spawn.h"
#include "runtime/userns/idmap.h"
#include "runtime/userns/userns.h"

#define ENTER_VARIABLE "_VMRT_USERNS" /* in the environment of the vmrt that is inside */

extern char **environ;

struct enter_helper {
	pid_t parent;
	int go_fd;     /* a byte: the namespace is made; end of file: there will be none */
	int own_go_fd; /* the parent's end of it */
	int report_fd; /* the text of what failed */
};

static int enter_help(void *arg)
{
	const struct enter_helper *h = arg;
	struct err e;
	char go;

	/* A parent that is gone has closed it; so must we. */
	close(h->own_go_fd);
	if (fd_read_all(h->go_fd, &go, 1) != 1)
		return EXIT_FAILURE;
	if (idmap_write(h->parent, &e) == 0)
		return EXIT_SUCCESS;
	(void)!write(h->report_fd, e.text, strlen(e.text));
	return EXIT_FAILURE;
}

/* Root, here and in what is executed next. */
static int enter_become_root(char **argv, struct err *e)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, -errno, "becoming root of the user namespace");
	setenv(ENTER_VARIABLE, "1", 1);
	execve("/proc/self/exe", argv, environ);
	return err_sys(e, -errno, "executing vmrt in the user namespace");
}

/* What the helper says; nothing: it was content. */
static int enter_await_ids(int report_fd, int *pidfd, struct err *e)
{
	char text[ERR_TEXT_BYTES];
	ssize_t n = fd_read_all(report_fd, text, sizeof(text) - 1);
	int status = 0;
	int r = spawn_wait(*pidfd, -1, &status);

	fd_close(pidfd);
	if (n > 0)
		return err_set(e, -EPERM, "%.*s", (int)n, text);
	if (r < 0 || status)
		return err_set(e, -EPERM, "the user namespace got no ids");
	return 0;
}

static int enter_unshare(int go_fd, struct err *e)
{
	if (unshare(CLONE_NEWUSER) == 0)
		return write(go_fd, "", 1) == 1 ? 0 : err_sys(e, -errno, "telling newuidmap");
	if (errno == ENOSPC)
		return err_set(e, -ENOSPC,
			       "this host allows no more user namespaces: sysctl -w "
			       "user.max_user_namespaces=15000");
	return err_sys(e, -errno, "making a user namespace");
}

int userns_enter_new(char **argv, struct err *e)
{
	struct enter_helper helper = {.parent = getpid()};
	int go[2];
	int report[2];
	int pidfd = -1;
	pid_t pid;
	int r = userns_check(e);

	if (r < 0)
		return r;
	if (pipe2(go, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	auto_close int go_read = go[0];
	auto_close int go_write = go[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	auto_close int report_read = report[0];
	auto_close int report_write = report[1];
	helper.go_fd = go_read;
	helper.own_go_fd = go_write;
	helper.report_fd = report_write;
	r = spawn_monitor(0, enter_help, &helper, &pid, &pidfd, e);
	if (r < 0)
		return r;
	fd_close(&report_write);
	r = enter_unshare(go_write, e);
	if (r < 0) {
		spawn_kill(&pidfd);
		return r;
	}
	r = enter_await_ids(report_read, &pidfd, e);
	return r < 0 ? r : enter_become_root(argv, e);
}

int userns_enter_of(int pidfd, char **argv, struct err *e)
{
	if (setns(pidfd, CLONE_NEWUSER) < 0)
		return err_sys(e, -errno, "entering the user namespace of the container");
	return enter_become_root(argv, e);
}

bool userns_was_entered(void)
{
	return getenv(ENTER_VARIABLE) && !userns_is_initial();
}
