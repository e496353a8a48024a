/* Paths inside the container's root. Must not fall back to resolving a path any other way. */
#include "init/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"

#define INROOT_MAX_LINKS   40
#define INROOT_MAX_RETRIES 32

int inroot_open(int root_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};

	/* EAGAIN: somebody renamed something while ".." was being resolved. */
	for (int i = 0; i < INROOT_MAX_RETRIES; i++) {
		long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

/* `path` up to `size` is a link that leads nowhere: puts what it says in its place. */
static int inroot_replace_link(int link_fd, char path[PATH_MAX], size_t start, size_t size)
{
	char target[PATH_MAX];
	char whole[PATH_MAX * 2];
	ssize_t n = readlinkat(link_fd, "", target, sizeof(target) - 1);
	int used;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	used = snprintf(whole, sizeof(whole), "%.*s%s%s", target[0] == '/' ? 0 : (int)start, path,
			target, path + size);
	if (used >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, whole, (size_t)used + 1);
	return 0;
}

/* Makes one name in `dir_fd`; somebody else may have been faster. */
static int inroot_make_one(int dir_fd, const char *name, bool is_file)
{
	int fd;

	if (!is_file)
		return mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0755);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/* Opens or makes the name at [start, size) of `path`, whose parent is `dir_fd`. A descriptor,
 * -errno, or -EAGAIN when `path` was changed and has to be walked again. */
static int inroot_step(int root_fd, int dir_fd, char path[PATH_MAX], size_t start, size_t size,
		       bool is_file)
{
	char prefix[PATH_MAX];
	auto_close int link_fd = -1;
	int fd;
	int r;

	memcpy(prefix, path, size);
	prefix[size] = '\0';
	fd = inroot_open(root_fd, prefix, O_PATH);
	if (fd != -ENOENT)
		return fd;
	link_fd = inroot_open(root_fd, prefix, O_PATH | O_NOFOLLOW);
	if (link_fd >= 0) {
		r = inroot_replace_link(link_fd, path, start, size);
		return r < 0 ? r : -EAGAIN;
	}
	r = inroot_make_one(dir_fd, prefix + start, is_file);
	return r < 0 ? r : inroot_open(root_fd, prefix, O_PATH);
}

/* One walk over the whole path. As inroot_step(). */
static int inroot_walk(int root_fd, char path[PATH_MAX], bool is_file)
{
	auto_close int dir_fd = inroot_open(root_fd, ".", O_PATH);
	size_t start = strspn(path, "/");

	while (dir_fd >= 0 && path[start]) {
		size_t size = start + strcspn(path + start, "/");
		size_t next = size + strspn(path + size, "/");
		int fd = inroot_step(root_fd, dir_fd, path, start, size, is_file && !path[next]);

		if (fd < 0)
			return fd;
		fd_close(&dir_fd);
		dir_fd = fd;
		start = next;
	}
	return take_fd(dir_fd);
}

int inroot_make(int root_fd, const char *path, bool is_file)
{
	char work[PATH_MAX];
	int fd = inroot_open(root_fd, path, O_PATH);

	if (fd != -ENOENT)
		return fd;
	if (strlen(path) >= sizeof(work))
		return -ENAMETOOLONG;
	strcpy(work, path);
	for (int i = 0; i < INROOT_MAX_LINKS; i++) {
		fd = inroot_walk(root_fd, work, is_file);
		if (fd != -EAGAIN)
			return fd;
	}
	return -ELOOP;
}
