/* Calling newuidmap and newgidmap. Must not decide whose ids: /etc/subuid and they do. */
#include "runtime/userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/spawn.h"
#include "runtime/proc/strv.h"
#include "runtime/userns/subids.h"

#define IDMAP_LIMIT_MS	 10000
#define IDMAP_TEXT_BYTES 512

/* Programs of the administrator's: $PATH is the user's. */
static int idmap_find(const char *name, char ret[PATH_MAX], struct err *e)
{
	static const char *const folders[] = {"/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin",
					      "/run/wrappers/bin"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(ret, PATH_MAX, "%s/%s", folders[i], name);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return err_set(e, -ENOENT, "%s is not installed: apt-get install uidmap", name);
}

int idmap_find_programs(struct err *e)
{
	char path[PATH_MAX];
	int r = idmap_find("newuidmap", path, e);

	return r < 0 ? r : idmap_find("newgidmap", path, e);
}

/* What the program has said, without the end of its line. What it may have left behind has the
 * pipe, too, and is not waited for. */
static void idmap_read_text(int fd, char text[IDMAP_TEXT_BYTES])
{
	ssize_t n = read(fd, text, IDMAP_TEXT_BYTES - 1);

	text[n > 0 ? n : 0] = '\0';
	while (n > 0 && (unsigned char)text[n - 1] <= ' ')
		text[--n] = '\0';
}

static int idmap_run(const char *name, const struct strv *words, struct err *e)
{
	char path[PATH_MAX];
	char text[IDMAP_TEXT_BYTES];
	int pipe_fds[2];
	int pidfd = -1;
	int status = 0;
	pid_t pid;
	int r = idmap_find(name, path, e);

	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	auto_close int read_fd = pipe_fds[0];
	auto_close int write_fd = pipe_fds[1];
	const struct spawn_fd fds[] = {{write_fd, STDERR_FILENO}};
	const struct spawn s = {
		.name = name,
		.path = path,
		.argv = words->at,
		.fds = fds,
		.fd_count = 1,
	};

	r = spawn_start(&s, &pid, &pidfd, e);
	if (r < 0)
		return r;
	fd_close(&write_fd);
	r = spawn_wait(pidfd, IDMAP_LIMIT_MS, &status);
	if (r < 0) {
		spawn_kill(&pidfd);
		return err_sys(e, r, "waiting for %s", name);
	}
	fd_close(&pidfd);
	fcntl(read_fd, F_SETFL, O_NONBLOCK);
	idmap_read_text(read_fd, text);
	if (status)
		return err_set(e, -EPERM, "%s failed: %s", name, *text ? text : "(no message)");
	return 0;
}

static int idmap_write_one(const char *program, pid_t pid, unsigned int own,
			   const struct subids *ids, struct err *e)
{
	auto_strv struct strv words = {0};
	uint32_t inside = 1;

	strv_push(&words, program);
	strv_pushf(&words, "%d", pid);
	strv_push(&words, "0");
	strv_pushf(&words, "%u", own);
	strv_push(&words, "1");
	for (size_t i = 0; i < ids->count; i++) {
		strv_pushf(&words, "%u", inside);
		strv_pushf(&words, "%u", ids->at[i].first);
		strv_pushf(&words, "%u", ids->at[i].count);
		inside += ids->at[i].count;
	}
	return idmap_run(program, &words, e);
}

int idmap_write(pid_t pid, struct err *e)
{
	auto_free struct subids *ids = xcalloc(2, sizeof(*ids));
	const struct passwd *user = getpwuid(getuid());
	int r = subids_read(user ? user->pw_name : NULL, getuid(), &ids[0], &ids[1], e);

	if (r == 0)
		r = idmap_write_one("newuidmap", pid, getuid(), &ids[0], e);
	return r < 0 ? r : idmap_write_one("newgidmap", pid, getgid(), &ids[1], e);
}
