/* State directories: names, files, status. Must not talk to a monitor. */
#include "runtime/state/state.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define STATE_ID_MAX	255
#define STATE_DEPTH_MAX 8 /* a state directory has one level, and share/ */

const char *state_status_name(enum state_status status)
{
	static const char *const names[STATE_STATUS_COUNT] = {
		[STATE_CREATING] = "creating", [STATE_CREATED] = "created",
		[STATE_RUNNING] = "running",   [STATE_PAUSED] = "paused",
		[STATE_STOPPED] = "stopped",
	};

	return names[status];
}

int state_check_id(const char *id, struct err *e)
{
	size_t size = strlen(id);

	if (!size)
		return err_set(e, -EINVAL, "container id cannot be empty");
	if (size > STATE_ID_MAX)
		return err_set(e, -EINVAL, "invalid container id: longer than %d bytes",
			       STATE_ID_MAX);
	for (const char *p = id; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_+-.", *p))
			return err_set(e, -EINVAL, "invalid id format: '%s'", id);
	}
	if (!strcmp(id, ".") || !strcmp(id, ".."))
		return err_set(e, -EINVAL, "invalid id format: '%s'", id);
	return 0;
}

static int state_make_parents(const char *path)
{
	auto_free char *copy = xstrdup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0711) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int state_open_root(const char *root, bool want_create, struct err *e)
{
	int fd;

	if (want_create) {
		int r = state_make_parents(root);

		if (r < 0)
			return err_sys(e, r, "making the state directory '%s'", root);
	}
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "opening the state directory '%s'", root);
	return fd;
}

int state_create(int root_dirfd, const char *id, struct err *e)
{
	int fd;

	if (mkdirat(root_dirfd, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(e, -EEXIST, "container with given ID already exists");
		return err_sys(e, -errno, "making the state directory of '%s'", id);
	}
	fd = openat(root_dirfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, -errno, "opening the state directory of '%s'", id);
	return fd;
}

/* A directory of another runtime under the same root (runc's, when docker shares one) has a
 * state.json too: what makes it ours is monitor.pid. */
static bool state_is_ours(int fd)
{
	struct stat st;

	return fstatat(fd, "monitor.pid", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(fd, "state.json", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_open(int root_dirfd, const char *id, struct err *e)
{
	auto_close int fd = openat(root_dirfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || !state_is_ours(fd))
		return err_set(e, -ENOENT, "container does not exist");
	return take_fd(fd);
}

static int state_remove_tree(int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		fd_close(&fd);
		return -errno;
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		r = (errno == EISDIR || errno == EPERM) && depth < STATE_DEPTH_MAX
			    ? state_remove_tree(fd, entry->d_name, depth + 1)
			    : -errno;
	}
	closedir(dir);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

int state_remove(int root_dirfd, const char *id)
{
	struct err e;

	/* The last look before a tree is deleted: no path leads out of the root. */
	if (state_check_id(id, &e) < 0)
		return -EINVAL;
	return state_remove_tree(root_dirfd, id, 0);
}

/* Field 22 of /proc/PID/stat. The command's name (field 2) may contain anything but ends with the
 * last parenthesis. */
uint64_t state_process_start(pid_t pid)
{
	unsigned long long start = 0;
	auto_free char *text = NULL;
	char path[64];
	char status;
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %c", &status) != 1 || status == 'Z' || status == 'X')
		return 0;
	/* Fields 3 to 21 are skipped, 22 is read. */
	if (sscanf(at + 1,
		   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		   " %llu",
		   &start) != 1)
		return 0;
	return start;
}

/* Writes a file by rename, so that no reader ever sees half of it. */
static int state_write_file(int state_dirfd, const char *name, const void *data, size_t size,
			    struct err *e)
{
	char temporary[64];
	auto_close int fd = -1;
	int r;

	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	fd = openat(state_dirfd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	r = fd < 0 ? -errno : fd_write_all(fd, data, size);
	if (r == 0 && renameat(state_dirfd, temporary, state_dirfd, name) < 0)
		r = -errno;
	return r < 0 ? err_sys(e, r, "writing '%s' of the state directory", name) : 0;
}

int state_write_monitor(int state_dirfd, pid_t pid, struct err *e)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%d %llu\n", pid,
			 (unsigned long long)state_process_start(pid));

	return state_write_file(state_dirfd, "monitor.pid", text, (size_t)n, e);
}

static int state_read_monitor(int state_dirfd, pid_t *ret_pid, uint64_t *ret_start)
{
	auto_free char *text = NULL;
	unsigned long long start;

	if (fd_read_file(state_dirfd, "monitor.pid", 64, &text, NULL) < 0 ||
	    sscanf(text, "%d %llu", ret_pid, &start) != 2)
		return -ESRCH;
	*ret_start = start;
	return 0;
}

int state_open_monitor(int state_dirfd, pid_t *ret_pid)
{
	auto_close int fd = -1;
	uint64_t start;
	pid_t pid;

	if (state_read_monitor(state_dirfd, &pid, &start) < 0 || pid <= 0)
		return -ESRCH;
	fd = pidfd_open(pid, 0);
	/* Compared after opening: the pidfd holds on to the process that is compared. */
	if (fd < 0 || state_process_start(pid) != start || !start)
		return -ESRCH;
	if (ret_pid)
		*ret_pid = pid;
	return take_fd(fd);
}

static int state_mark(int state_dirfd, const char *name)
{
	auto_close int fd =
		openat(state_dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : 0;
}

int state_mark_started(int state_dirfd)
{
	return state_mark(state_dirfd, "started");
}

/* Best effort: a full disk must not keep a container from being resumed. */
void state_mark_paused(int state_dirfd, bool is_paused)
{
	if (is_paused)
		(void)state_mark(state_dirfd, "paused");
	else
		(void)unlinkat(state_dirfd, "paused", 0);
}

int state_write(int state_dirfd, const struct state *s, struct err *e)
{
	const struct state_format format = {.want_details = true, .want_vm = true, .owner = ""};
	struct json_out *out = json_out_new(NULL);
	const char *text;
	size_t size;
	int r;

	state_put(out, s, &format);
	text = json_out_text(out, &size);
	r = state_write_file(state_dirfd, "state.json", text, size, e);
	json_out_free(out);
	return r;
}

void state_done(struct state *s)
{
	free(s->id);
	free(s->bundle);
	free(s->rootfs);
	free(s->created);
	free(s->oci_version);
	for (size_t i = 0; i < s->annotation_count; i++) {
		free(s->annotation_keys[i]);
		free(s->annotation_values[i]);
	}
	free(s->annotation_keys);
	free(s->annotation_values);
	*s = (struct state){0};
}
