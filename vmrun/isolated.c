/* Collecting programs and what they need. Must not decide what else is shared.
 *
 * The libraries are those that a program's own interpreter finds: it is asked (--list), as ldd
 * does. In the guest it finds them by the same cache, as their paths are the same. */
#include "vmrun/isolated.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/elf.h"

#define ISOLATED_LIST_BYTES  (1u << 20)
#define ISOLATED_CHUNK_BYTES (16u << 20)
#define ISOLATED_CACHE	     "/etc/ld.so.cache"

extern char **environ;

static int isolated_make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int isolated_copy_data(int from, int to)
{
	ssize_t n;

	do
		n = sendfile(to, from, NULL, ISOLATED_CHUNK_BYTES);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* The content of a path without links, once. Returns 1 when it was there before. */
static int isolated_copy_file(const char *dir, const char *path, struct err *e)
{
	auto_free char *copy = xasprintf("%s%s", dir, path);
	auto_close int from = open(path, O_RDONLY | O_CLOEXEC);
	auto_close int to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return err_set(e, -errno, "option --isolated: '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "option --isolated: '%s' is no file", path);
	r = isolated_make_parents(copy);
	if (r == 0) {
		to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (to < 0 && errno == EEXIST)
			return 1;
		r = to < 0 ? -errno : isolated_copy_data(from, to);
	}
	if (r == 0 && ((geteuid() == 0 && fchown(to, st.st_uid, st.st_gid) < 0) ||
		       fchmod(to, st.st_mode & 07777) < 0))
		r = -errno;
	return r < 0 ? err_sys(e, r, "copying '%s'", path) : 0;
}

/* A file under the name it was called by: what is a link on the host, or lies behind one, becomes a
 * link to the copy. Returns 1 when the copy was there before. */
static int isolated_copy(const char *dir, const char *path, char **ret_real, struct err *e)
{
	auto_free char *real = realpath(path, NULL);
	auto_free char *name = xasprintf("%s%s", dir, path);
	int has_copy;
	int r = 0;

	if (!real)
		return err_set(e, -errno, "option --isolated: '%s': %s", path, strerror(errno));
	has_copy = isolated_copy_file(dir, real, e);
	if (has_copy < 0)
		return has_copy;
	if (strcmp(real, path)) {
		r = isolated_make_parents(name);
		if (r == 0 && symlink(real, name) < 0 && errno != EEXIST)
			r = -errno;
	}
	if (r < 0)
		return err_sys(e, r, "making '%s'", name);
	if (ret_real)
		*ret_real = take_ptr(real);
	return has_copy;
}

static char *isolated_absolute(const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/')
		return xstrdup(path);
	while (!strncmp(path, "./", 2))
		path += 2;
	return getcwd(cwd, sizeof(cwd)) ? xasprintf("%s/%s", strcmp(cwd, "/") ? cwd : "", path)
					: xstrdup(path);
}

static int isolated_find(const char *name, char **ret, struct err *e)
{
	const char *path = getenv("PATH");
	auto_free char *places = xstrdup(path ? path : "/usr/bin:/bin");
	char *save = NULL;

	*ret = NULL;
	if (strchr(name, '/')) {
		if (access(name, F_OK) < 0)
			return err_set(e, -errno, "'%s': %s", name, strerror(errno));
		*ret = isolated_absolute(name);
		return 0;
	}
	for (char *dir = strtok_r(places, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		auto_free char *one = xasprintf("%s/%s", dir, name);

		if (access(one, X_OK) == 0) {
			*ret = isolated_absolute(one);
			return 0;
		}
	}
	return err_set(e, -ENOENT, "'%s' is not in PATH", name);
}

static int isolated_list(char *interpreter, char *program, char **ret_text, struct err *e)
{
	char *argv[] = {interpreter, (char[]){"--list"}, program, NULL};
	posix_spawn_file_actions_t files;
	int pipe_fds[2];
	int status = 0;
	ssize_t n;
	pid_t pid;
	int r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, pipe_fds[1], STDOUT_FILENO);
	r = posix_spawn(&pid, interpreter, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(pipe_fds[1]);
	*ret_text = xcalloc(1, ISOLATED_LIST_BYTES + 1);
	n = r ? 0 : fd_read_all(pipe_fds[0], *ret_text, ISOLATED_LIST_BYTES);
	close(pipe_fds[0]);
	if (!r)
		waitpid(pid, &status, 0);
	if (r || n < 0 || status || strstr(*ret_text, "=> not found"))
		return err_set(e, -EIO, "option --isolated: the libraries of '%s' are not found",
			       program);
	return 0;
}

/* "	libc.so.6 => /lib/libc.so.6 (0x...)": the path behind the arrow, or the first one. */
static int isolated_copy_libraries(const char *dir, char *list, struct err *e)
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(list, "\n", &save); line && r >= 0;
	     line = strtok_r(NULL, "\n", &save)) {
		char *path = strstr(line, "=> /");

		path = path ? path + 3 : line + strspn(line, " \t");
		path[strcspn(path, " ")] = '\0';
		if (*path == '/')
			r = isolated_copy(dir, path, NULL, e);
	}
	return r < 0 ? r : 0;
}

/* A file, and when it is a program what that loads. */
static int isolated_add(const char *dir, const char *path, bool *ret_is_program, struct err *e)
{
	auto_free char *interpreter = NULL;
	auto_free char *real = NULL;
	auto_free char *list = NULL;
	int r = isolated_copy(dir, path, &real, e);

	if (r < 0)
		return r;
	r = elf_read_interpreter(real, ret_is_program, &interpreter, e);
	if (r < 0 || !interpreter)
		return r;
	r = isolated_copy(dir, interpreter, NULL, e);
	if (r >= 0)
		r = isolated_list(interpreter, real, &list, e);
	if (r >= 0)
		r = isolated_copy_libraries(dir, list, e);
	/* It knows the places of libraries that are in none of the usual ones. */
	if (r >= 0 && access(ISOLATED_CACHE, R_OK) == 0)
		r = isolated_copy(dir, ISOLATED_CACHE, NULL, e);
	return r < 0 ? r : 0;
}

static int isolated_make_root(const char *dir, struct err *e)
{
	auto_free char *proc = xasprintf("%s/proc", dir);
	auto_free char *tmp = xasprintf("%s/tmp", dir);

	if (mkdir(dir, 0755) < 0 || chmod(dir, 0755) < 0 || mkdir(proc, 0555) < 0 ||
	    mkdir(tmp, 0755) < 0 || chmod(tmp, 01777) < 0)
		return err_sys(e, -errno, "making '%s'", dir);
	return 0;
}

int isolated_make(const char *dir, const char *program, const struct option_list *files,
		  char **ret_program, struct err *e)
{
	auto_free char *found = NULL;
	bool is_program = false;
	int r = isolated_find(program, &found, e);

	if (r == 0)
		r = isolated_make_root(dir, e);
	if (r == 0)
		r = isolated_add(dir, found, &is_program, e);
	if (r == 0 && !is_program)
		r = err_set(e, -ENOEXEC, "option --isolated: '%s' is no program of this machine's",
			    found);
	for (size_t i = 0; r == 0 && i < files->count; i++) {
		auto_free char *path = isolated_absolute(files->at[i]);

		if (access(path, F_OK) < 0)
			r = err_set(e, -errno, "option --add: '%s': %s", files->at[i],
				    strerror(errno));
		else
			r = isolated_add(dir, path, &is_program, e);
	}
	if (r == 0)
		*ret_program = take_ptr(found);
	return r;
}
