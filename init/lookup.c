/* Finding the container's program with the rules of Go's exec.LookPath (1.19, which Debian's runc
 * 1.1.5 is built with). Must not execute anything. */
#include "init/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/wording.h"

/* 0, or -EACCES for what is there but is no program: a directory too. *ret_is_stat tells whether
 * stat() itself failed. */
static int lookup_check(const char *path, bool *ret_is_stat)
{
	struct stat st;

	*ret_is_stat = stat(path, &st) < 0;
	if (*ret_is_stat)
		return -errno;
	return S_ISDIR(st.st_mode) || !(st.st_mode & 0111) ? -EACCES : 0;
}

/* The mode bits do not tell everything: other users' bits, a file system without execution. */
static int lookup_check_access(const char *path, struct err *e)
{
	int r = (int)syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);

	/* Seccomp profiles older than the call refuse it; real and effective ids are the same. */
	if (r < 0 && (errno == EPERM || errno == ENOSYS))
		r = access(path, X_OK);
	if (r < 0)
		return err_set(e, -errno, "eaccess %s: %s", path, wording_errno(errno));
	return 0;
}

static int lookup_direct(const char *name, char path[LOOKUP_PATH_BYTES], struct err *e)
{
	char quoted[ERR_TEXT_BYTES / 2];
	bool is_stat;
	int r = strlen(name) < LOOKUP_PATH_BYTES ? lookup_check(name, &is_stat) : -ENAMETOOLONG;

	wording_quote(quoted, sizeof(quoted), name);
	if (r < 0 && (is_stat || r == -ENAMETOOLONG))
		return err_set(e, r, "exec: %s: stat %s: %s", quoted, name, wording_errno(-r));
	if (r < 0)
		return err_set(e, r, "exec: %s: %s", quoted, wording_errno(-r));
	strcpy(path, name);
	return lookup_check_access(path, e);
}

/* Go's filepath.Join for what matters: "." as nothing, no double slash. False: too long. */
static bool lookup_join(char path[LOOKUP_PATH_BYTES], const char *dir, size_t size,
			const char *name)
{
	int used;

	while (size > 1 && dir[size - 1] == '/')
		size--;
	if (size == 0 || (size == 1 && *dir == '.'))
		used = snprintf(path, LOOKUP_PATH_BYTES, "%s", name);
	else
		used = snprintf(path, LOOKUP_PATH_BYTES, "%.*s%s%s", (int)size, dir,
				size == 1 && *dir == '/' ? "" : "/", name);
	return used < LOOKUP_PATH_BYTES;
}

int lookup_program(const char *name, const struct environ *env, char path[LOOKUP_PATH_BYTES],
		   struct err *e)
{
	const char *dir = environ_get(env, "PATH");
	char quoted[ERR_TEXT_BYTES / 2];
	bool is_stat;

	if (strchr(name, '/'))
		return lookup_direct(name, path, e);
	wording_quote(quoted, sizeof(quoted), name);
	while (dir && *dir) {
		size_t size = strcspn(dir, ":");

		if (lookup_join(path, dir, size, name) && !lookup_check(path, &is_stat)) {
			if (path[0] != '/')
				return err_set(e, -EACCES,
					       "exec: %s: cannot run executable found relative to "
					       "current directory",
					       quoted);
			return lookup_check_access(path, e);
		}
		dir += size + (dir[size] == ':');
	}
	return err_set(e, -ENOENT, "exec: %s: executable file not found in $PATH", quoted);
}
