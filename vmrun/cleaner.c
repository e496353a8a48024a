/* A process of its own, in a session of its own, that waits for vmrun's end at a pipe. Must not be
 * in vmrun's way: it has none of its descriptors, and is begun before it enters a namespace. */
#include "vmrun/cleaner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/child.h"

#define CLEANER_WALK_FDS 8

static int cleaner_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int cleaner_remove(const char *dir)
{
	return nftw(dir, cleaner_remove_one, CLEANER_WALK_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0
		       ? -errno
		       : 0;
}

static void cleaner_delete(const char *dir, const char *vmrt)
{
	auto_free char *state = xasprintf("%s/state", dir);
	char *argv[] = {(char *)(uintptr_t)vmrt, (char[]){"--root"},	state, (char[]){"delete"},
			(char[]){"--force"},	 strrchr(dir, '/') + 1, NULL};
	const struct child child = {.argv = argv, .is_silent = true};
	struct err ignored;
	pid_t pid;

	if (child_start(&child, &pid, &ignored) == 0)
		waitpid(pid, NULL, 0);
}

/* Standard streams too: a pipe's reader would wait for us. */
static void cleaner_run(int fd, const char *dir, const char *vmrt)
{
	sigset_t all;
	char done;
	int null_fd;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "vmrun-cleaner");
	fd = dup2(fd, 3);
	close_range(4, ~0u, 0);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		(void)dup2(null_fd, i);
	(void)!chdir("/");
	if (read(fd, &done, 1) == 1)
		_exit(0);
	cleaner_delete(dir, vmrt);
	(void)cleaner_remove(dir);
	_exit(0);
}

void cleaner_start(struct cleaner *c, const char *dir, const char *vmrt)
{
	int fds[2];

	c->fd = -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	c->pid = fork();
	if (c->pid == 0) {
		close(fds[1]);
		cleaner_run(fds[0], dir, vmrt);
	}
	close(fds[0]);
	if (c->pid < 0)
		close(fds[1]);
	else
		c->fd = fds[1];
}

/* It is reaped here: not every PID 1 of a container does so. */
void cleaner_stop(struct cleaner *c)
{
	if (c->fd < 0)
		return;
	(void)!write(c->fd, "", 1);
	fd_close(&c->fd);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
