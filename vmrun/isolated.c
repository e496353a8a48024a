/* Collecting a program and what it needs. Must not decide what else is shared.
 *
 * The libraries are those that the program's own interpreter finds: it is asked (--list), as ldd
 * does. */
#include "vmrun/isolated.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define ISOLATED_HEADERS_MAX 64
#define ISOLATED_LIST_BYTES  (1u << 20)
#define ISOLATED_CHUNK_BYTES (16u << 20)

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

/* Content at the place of its name: links are followed on the host. */
static int isolated_copy(const char *dir, const char *path, struct err *e)
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
			return 0;
		r = to < 0 ? -errno : isolated_copy_data(from, to);
	}
	if (r == 0 && (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0))
		r = -errno;
	return r < 0 ? err_sys(e, r, "copying '%s'", path) : 0;
}

static int isolated_find(const char *name, char **ret, struct err *e)
{
	const char *path = getenv("PATH");
	auto_free char *places = xstrdup(path ? path : "/usr/bin:/bin");
	char *save = NULL;

	*ret = NULL;
	if (strchr(name, '/')) {
		*ret = realpath(name, NULL);
		return *ret ? 0 : err_set(e, -errno, "'%s': %s", name, strerror(errno));
	}
	for (char *dir = strtok_r(places, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		auto_free char *one = xasprintf("%s/%s", dir, name);

		if (access(one, X_OK) == 0) {
			*ret = realpath(one, NULL);
			return *ret ? 0 : err_sys(e, -errno, "'%s'", one);
		}
	}
	return err_set(e, -ENOENT, "'%s' is not in PATH", name);
}

/* PT_INTERP, owned by the caller; NULL for a static program. */
static int isolated_interpreter(const char *program, char **ret, struct err *e)
{
	auto_close int fd = open(program, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr elf;
	Elf64_Phdr header;

	*ret = NULL;
	if (fd < 0)
		return err_set(e, -errno, "'%s': %s", program, strerror(errno));
	if (pread(fd, &elf, sizeof(elf), 0) != (ssize_t)sizeof(elf) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phnum > ISOLATED_HEADERS_MAX)
		return err_set(e, -ENOEXEC,
			       "option --isolated: '%s' is no program of this machine's", program);
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof(header));
		char path[256] = "";

		if (pread(fd, &header, sizeof(header), at) != (ssize_t)sizeof(header))
			break;
		if (header.p_type != PT_INTERP || header.p_filesz >= sizeof(path))
			continue;
		if (pread(fd, path, header.p_filesz, (off_t)header.p_offset) > 0)
			*ret = xstrdup(path);
	}
	return 0;
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
	if (r || n < 0 || status)
		return err_set(e, -EIO, "option --isolated: the libraries of '%s' are not found",
			       program);
	return 0;
}

/* "	libc.so.6 => /lib/libc.so.6 (0x...)": the path behind the arrow, or the first one. */
static int isolated_copy_libraries(const char *dir, char *list, struct err *e)
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(list, "\n", &save); line && !r;
	     line = strtok_r(NULL, "\n", &save)) {
		char *path = strstr(line, "=> /");

		path = path ? path + 3 : line + strspn(line, " \t");
		path[strcspn(path, " ")] = '\0';
		if (*path == '/')
			r = isolated_copy(dir, path, e);
	}
	return r;
}

static int isolated_copy_program(const char *dir, char *program, struct err *e)
{
	auto_free char *interpreter = NULL;
	auto_free char *list = NULL;
	int r = isolated_interpreter(program, &interpreter, e);

	if (r == 0)
		r = isolated_copy(dir, program, e);
	if (r < 0 || !interpreter)
		return r;
	r = isolated_copy(dir, interpreter, e);
	if (r == 0)
		r = isolated_list(interpreter, program, &list, e);
	return r < 0 ? r : isolated_copy_libraries(dir, list, e);
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
	int r = isolated_find(program, &found, e);

	if (r == 0)
		r = isolated_make_root(dir, e);
	if (r == 0)
		r = isolated_copy_program(dir, found, e);
	for (size_t i = 0; r == 0 && i < files->count; i++) {
		auto_free char *path = realpath(files->at[i], NULL);

		r = path ? isolated_copy(dir, path, e)
			 : err_set(e, -errno, "option --add: '%s': %s", files->at[i],
				   strerror(errno));
	}
	if (r == 0)
		*ret_program = take_ptr(found);
	return r;
}
