/* Copying a directory into a new tmpfs: files, directories, links and nodes with owner, mode and
 * times. Must not follow a link, and leaves extended attributes and hard links behind as runc does.
 */
#include "init/copyup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/machine.h"
#include "init/mounts.h"
#include "init/wording.h"
#include "lib/fd.h"

#define COPYUP_MAX_DEPTH   64 /* each level holds two descriptors */
#define COPYUP_CHUNK_BYTES (1 << 20)

static int copyup_dir(int from, int to, int depth);

static int copyup_set_attributes(int dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* After the owner: changing that clears the set-id bits. */
	if (!S_ISLNK(st->st_mode) && fchmodat(dir, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copyup_file(int from, int to, const char *name)
{
	auto_close int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int out =
		openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (in < 0 || out < 0)
		return -errno;
	for (;;) {
		ssize_t n = sendfile(out, in, NULL, COPYUP_CHUNK_BYTES);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
	}
}

static int copyup_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copyup_subdir(int from, int to, const char *name, int depth)
{
	auto_close int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int out = -1;

	if (in < 0 || mkdirat(to, name, 0700) < 0)
		return -errno;
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return out < 0 ? -errno : copyup_dir(in, out, depth + 1);
}

static int copyup_entry(int from, int to, const char *name, int depth)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		r = copyup_subdir(from, to, name, depth);
		break;
	case S_IFREG:
		r = copyup_file(from, to, name);
		break;
	case S_IFLNK:
		r = copyup_link(from, to, name);
		break;
	case S_IFSOCK: /* means nothing without the process that bound it */
		return 0;
	default:
		r = mknodat(to, name, st.st_mode, st.st_rdev) < 0 ? -errno : 0;
	}
	return r ? r : copyup_set_attributes(to, name, &st);
}

/* Copies the contents of one directory, whose descriptors stay the caller's. */
static int copyup_dir(int from, int to, int depth)
{
	auto_close int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (depth > COPYUP_MAX_DEPTH)
		return -ELOOP;
	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir)
		return -errno;
	(void)take_fd(copy);
	while (!r && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = copyup_entry(from, to, entry->d_name, depth);
	}
	if (!r)
		r = -errno;
	closedir(dir);
	return r;
}

static int copyup_fill(int fd)
{
	/* `fd` is O_PATH; through init's /proc it can be read. */
	char path[MOUNTS_FD_PATH_BYTES];
	auto_close int from = -1;
	auto_close int to = open(MACHINE_SCRATCH_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	mounts_fd_path(path, fd);
	from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return from < 0 || to < 0 ? -errno : copyup_dir(from, to, 0);
}

int copyup_mount(const struct guest_mount *m, int fd, uint64_t flags, const char *data,
		 struct err *e)
{
	char path[MOUNTS_FD_PATH_BYTES];
	int r;

	if (mount(m->source ? m->source : "tmpfs", MACHINE_SCRATCH_DIR, "tmpfs",
		  (unsigned long)flags, data) < 0)
		return err_set(e, -errno, "mount tmpfs:%s: %s", m->destination,
			       wording_errno(errno));
	r = copyup_fill(fd);
	if (r < 0)
		return err_set(e, r, "tmpcopyup: failed to copy %s: %s", m->destination,
			       wording_errno(-r));
	mounts_fd_path(path, fd);
	if (mount(MACHINE_SCRATCH_DIR, path, NULL, MS_MOVE, NULL) < 0)
		return err_set(e, -errno, "tmpcopyup: failed to move mount to %s: %s",
			       m->destination, wording_errno(errno));
	return 0;
}
