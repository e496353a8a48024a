/* Finding the directory for run-time files. Must not trust one in /tmp unseen. */
#include "runtime/userns/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"
#include "runtime/userns/userns.h"

#define RUNDIR_SYSTEM "/run"
#define RUNDIR_LAST   "/tmp/vmrt-"

static int rundir_held_fd = -1;

/* The files of a namespace's root are the user's: /run is the host's there. Not so in a machine
 * whose root is an id of another. */
bool rundir_is_systems(void)
{
	return geteuid() == 0 && (userns_is_initial() || access(RUNDIR_SYSTEM, W_OK) == 0);
}

static bool rundir_is_private(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 077);
}

/* As the host knows the user, whichever namespace this is. */
static unsigned int rundir_uid(void)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	struct err e;

	return userns_read(ns, &e) < 0 ? geteuid()
				       : userns_outside(&ns->uids, geteuid(), geteuid());
}

static char *rundir_find(void)
{
	const char *asked = getenv("XDG_RUNTIME_DIR");
	unsigned int uid = rundir_uid();
	char *path;

	if (rundir_is_systems())
		return xstrdup(RUNDIR_SYSTEM);
	/* Set but empty is unset: podman calls so. */
	if (asked && *asked)
		return xstrdup(asked);
	path = xasprintf(RUNDIR_SYSTEM "/user/%u", uid);
	if (rundir_is_private(path))
		return path;
	free(path);
	return xasprintf(RUNDIR_LAST "%u", uid);
}

const char *rundir_base(void)
{
	static char *base;

	if (!base)
		base = rundir_find();
	return base;
}

const char *rundir_state(void)
{
	static char *state;

	if (!state)
		state = xasprintf("%s/vmrt", rundir_base());
	return state;
}

const char *rundir_host(void)
{
	static char *host;

	if (!host)
		host = xasprintf("%s/vmrt-host", rundir_base());
	return host;
}

static bool rundir_is_last(const char *base)
{
	return !strncmp(base, RUNDIR_LAST, strlen(RUNDIR_LAST));
}

static int rundir_check_own(const char *name, const char *path, const struct stat *st,
			    struct err *e)
{
	if (S_ISDIR(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & 022))
		return 0;
	return err_set(e, -EPERM,
		       "%s'%s' is not a directory of this user's that nobody else can write to",
		       name, path);
}

/* In a directory that others may write to, what has our names could be theirs: a container with
 * hooks, which we would run. */
int rundir_check(struct err *e)
{
	const char *base = rundir_base();
	const char *const inner[] = {rundir_state(), rundir_host()};
	struct stat st;
	int r;

	if (!strcmp(base, RUNDIR_SYSTEM))
		return 0;
	if (rundir_is_last(base)) {
		if (rundir_is_private(base) || access(base, F_OK) < 0)
			return 0;
		return err_set(e, -EPERM,
			       "'%s' is not a directory that only this user can enter: set "
			       "XDG_RUNTIME_DIR to one",
			       base);
	}
	if (*base != '/')
		return err_set(e, -EINVAL, "XDG_RUNTIME_DIR: '%s' is not an absolute path", base);
	if (stat(base, &st) < 0)
		return err_sys(e, -errno, "XDG_RUNTIME_DIR: '%s'", base);
	r = rundir_check_own("XDG_RUNTIME_DIR: ", base, &st, e);
	for (size_t i = 0; r == 0 && i < sizeof(inner) / sizeof(*inner); i++) {
		if (lstat(inner[i], &st) == 0)
			r = rundir_check_own("", inner[i], &st, e);
	}
	return r;
}

/* systemd-tmpfiles removes from /tmp what is old, but nothing of a directory that is locked. */
static void rundir_lock(const char *base)
{
	if (rundir_held_fd >= 0)
		return;
	rundir_held_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (rundir_held_fd >= 0)
		(void)flock(rundir_held_fd, LOCK_SH | LOCK_NB);
}

int rundir_lock_fd(void)
{
	return rundir_held_fd;
}

int rundir_prepare(struct err *e)
{
	const char *base = rundir_base();
	int r;

	if (rundir_is_last(base) && mkdir(base, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "making '%s' (there is no $XDG_RUNTIME_DIR)", base);
	r = rundir_check(e);
	if (r == 0 && rundir_is_last(base))
		rundir_lock(base);
	return r;
}
