/*
 * Payload commands that check how a file system behaves: what a container on the host's file system
 * can rely on must hold on the shared one too. Each check works in the directory it is given, which
 * must be writable, and cleans up.
 */
#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Ends the check with a line that names the step; errno is told because most steps are system
 * calls. */
static int check_failed(const char *step)
{
	printf("%s: %s\n", step, strerror(errno));
	return 1;
}

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		errno = 0;                                                                         \
		if (!(condition))                                                                  \
			return check_failed(#condition);                                           \
	} while (0)

static int check_mmap(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char *map, text[6] = "";

	REQUIRE(fd >= 0);
	REQUIRE(ftruncate(fd, 8192) == 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(map != MAP_FAILED);
	memcpy(map + 4095, "hello", 5);
	REQUIRE(msync(map, 8192, MS_SYNC) == 0);
	REQUIRE(pread(fd, text, 5, 4095) == 5);
	REQUIRE(strcmp(text, "hello") == 0);
	REQUIRE(pwrite(fd, "HELLO", 5, 4095) == 5);
	REQUIRE(memcmp(map + 4095, "HELLO", 5) == 0);
	REQUIRE(munmap(map, 8192) == 0);
	REQUIRE(close(fd) == 0);
	REQUIRE(unlink("mapped") == 0);
	return 0;
}

static int check_flock(void)
{
	int one = open("locked", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int two = open("locked", O_RDWR | O_CLOEXEC);

	REQUIRE(one >= 0 && two >= 0);
	REQUIRE(flock(one, LOCK_EX) == 0);
	REQUIRE(flock(two, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
	REQUIRE(flock(one, LOCK_UN) == 0);
	REQUIRE(flock(two, LOCK_EX | LOCK_NB) == 0);
	REQUIRE(close(one) == 0 && close(two) == 0);
	REQUIRE(unlink("locked") == 0);
	return 0;
}

static int check_posix_lock(void)
{
	int fd = open("plocked", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), status;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
	pid_t child;

	REQUIRE(fd >= 0);
	REQUIRE(fcntl(fd, F_SETLK, &lock) == 0);
	child = fork();
	if (child == 0)
		_exit(fcntl(fd, F_SETLK, &lock) == -1 && (errno == EAGAIN || errno == EACCES) ? 0
											      : 1);
	REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
	REQUIRE(status == 0);
	REQUIRE(close(fd) == 0);
	REQUIRE(unlink("plocked") == 0);
	return 0;
}

static int check_unlinked(void)
{
	int fd = open("unlinked", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;
	char text[4] = "";

	REQUIRE(fd >= 0);
	REQUIRE(unlink("unlinked") == 0);
	REQUIRE(write(fd, "abc", 3) == 3);
	REQUIRE(pread(fd, text, 3, 0) == 3 && strcmp(text, "abc") == 0);
	REQUIRE(fstat(fd, &st) == 0);
	REQUIRE(st.st_nlink == 0 && st.st_size == 3);
	REQUIRE(ftruncate(fd, 1) == 0);
	REQUIRE(close(fd) == 0);
	REQUIRE(access("unlinked", F_OK) == -1 && errno == ENOENT);
	return 0;
}

/* Programs fall back if a file system says that it has no such files; any other refusal is a fault.
 */
static int check_tmpfile(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[64];

	if (fd < 0 && errno == EOPNOTSUPP) {
		fputs("(not supported) ", stdout);
		return 0;
	}
	if (fd < 0)
		return check_failed("O_TMPFILE");
	REQUIRE(write(fd, "abc", 3) == 3);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	REQUIRE(linkat(AT_FDCWD, path, AT_FDCWD, "tmpfile", AT_SYMLINK_FOLLOW) == 0);
	REQUIRE(close(fd) == 0);
	REQUIRE(unlink("tmpfile") == 0);
	return 0;
}

static int check_xattr(void)
{
	int fd = open("attributed", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char value[16] = "", list[64];

	REQUIRE(fd >= 0);
	REQUIRE(fsetxattr(fd, "user.colour", "green", 5, 0) == 0);
	REQUIRE(getxattr("attributed", "user.colour", value, sizeof(value)) == 5);
	REQUIRE(strcmp(value, "green") == 0);
	REQUIRE(flistxattr(fd, list, sizeof(list)) >= 12);
	REQUIRE(fremovexattr(fd, "user.colour") == 0);
	REQUIRE(fgetxattr(fd, "user.colour", value, sizeof(value)) == -1 && errno == ENODATA);
	REQUIRE(close(fd) == 0);
	REQUIRE(unlink("attributed") == 0);
	return 0;
}

static int check_sparse(void)
{
	int fd = open("sparse", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;

	REQUIRE(fd >= 0);
	REQUIRE(pwrite(fd, "x", 1, 64 << 20) == 1);
	REQUIRE(fstat(fd, &st) == 0);
	REQUIRE(st.st_size == (64 << 20) + 1);
	REQUIRE(st.st_blocks < 2048);
	REQUIRE(fallocate(fd, 0, 0, 65536) == 0);
	REQUIRE(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 65536) == 0);
	REQUIRE(close(fd) == 0);
	REQUIRE(unlink("sparse") == 0);
	return 0;
}

static int check_hardlink(void)
{
	int fd = open("first", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat one, two;

	REQUIRE(fd >= 0);
	REQUIRE(link("first", "second") == 0);
	REQUIRE(stat("first", &one) == 0 && stat("second", &two) == 0);
	REQUIRE(one.st_ino == two.st_ino && one.st_nlink == 2);
	REQUIRE(write(fd, "abc", 3) == 3 && close(fd) == 0);
	REQUIRE(stat("second", &two) == 0 && two.st_size == 3);
	REQUIRE(unlink("first") == 0 && unlink("second") == 0);
	return 0;
}

static int check_rename(void)
{
	REQUIRE(mkdir("here", 0700) == 0 && mkdir("there", 0700) == 0);
	REQUIRE(close(open("here/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0);
	REQUIRE(rename("here/file", "there/file") == 0);
	REQUIRE(access("here/file", F_OK) == -1 && errno == ENOENT);
	REQUIRE(renameat2(AT_FDCWD, "here", AT_FDCWD, "there", RENAME_NOREPLACE) == -1 &&
		errno == EEXIST);
	REQUIRE(renameat2(AT_FDCWD, "here", AT_FDCWD, "there", RENAME_EXCHANGE) == 0);
	REQUIRE(unlink("here/file") == 0 && rmdir("here") == 0 && rmdir("there") == 0);
	return 0;
}

static int check_owner(void)
{
	int fd = open("owned", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	struct timespec times[2] = {{1000000000, 5000}, {1000000001, 7000}};
	struct stat st;

	REQUIRE(fd >= 0);
	REQUIRE(fchown(fd, 1234, 5678) == 0);
	REQUIRE(fchmod(fd, 04711) == 0);
	REQUIRE(futimens(fd, times) == 0);
	REQUIRE(stat("owned", &st) == 0);
	REQUIRE(st.st_uid == 1234 && st.st_gid == 5678 && (st.st_mode & 07777) == 04711);
	REQUIRE(st.st_mtim.tv_sec == 1000000001 && st.st_mtim.tv_nsec == 7000);
	REQUIRE(close(fd) == 0 && unlink("owned") == 0);
	return 0;
}

static int check_special(void)
{
	char target[16] = "";
	struct stat st;

	REQUIRE(mkfifo("fifo", 0600) == 0);
	REQUIRE(stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	REQUIRE(symlink("nowhere", "link") == 0);
	REQUIRE(readlink("link", target, sizeof(target)) == 7 && strcmp(target, "nowhere") == 0);
	REQUIRE(mknod("null", S_IFCHR | 0600, makedev(1, 3)) == 0);
	REQUIRE(stat("null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	REQUIRE(unlink("fifo") == 0 && unlink("link") == 0 && unlink("null") == 0);
	return 0;
}

/* Several hundred names: more than one reply of the file server, none lost or doubled. */
static int check_directory(void)
{
	enum { COUNT = 600 };
	static bool is_seen[COUNT];
	struct dirent *entry;
	int found = 0;
	DIR *dir;

	REQUIRE(mkdir("many", 0700) == 0 && chdir("many") == 0);
	for (int i = 0; i < COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "a-name-of-some-length-%d", i);
		REQUIRE(close(open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) == 0);
	}
	dir = opendir(".");
	REQUIRE(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		int i;

		if (sscanf(entry->d_name, "a-name-of-some-length-%d", &i) != 1)
			continue;
		REQUIRE(i >= 0 && i < COUNT && !is_seen[i]);
		is_seen[i] = true;
		found++;
		REQUIRE(unlink(entry->d_name) == 0);
	}
	REQUIRE(found == COUNT);
	REQUIRE(closedir(dir) == 0 && chdir("..") == 0 && rmdir("many") == 0);
	return 0;
}

/* Written and read back through the cache, then without it. */
static int check_large(void)
{
	enum { SIZE = 8 << 20 };
	static unsigned char data[SIZE], back[SIZE];
	int fd = open("large", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	for (size_t i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 31 >> 3);
	REQUIRE(fd >= 0);
	REQUIRE(payload_write_all(fd, data, SIZE) == 0);
	REQUIRE(fsync(fd) == 0);
	REQUIRE(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (size_t at = 0; at < SIZE; at += 65536)
		REQUIRE(pread(fd, back + at, 65536, (off_t)at) == 65536);
	REQUIRE(memcmp(data, back, SIZE) == 0);
	REQUIRE(close(fd) == 0 && unlink("large") == 0);
	return 0;
}

static const struct file_check {
	const char *name;
	int (*run)(void);
} checks[] = {
	{"mmap", check_mmap},
	{"flock", check_flock},
	{"posix-lock", check_posix_lock},
	{"unlinked", check_unlinked},
	{"tmpfile", check_tmpfile},
	{"xattr", check_xattr},
	{"sparse", check_sparse},
	{"hardlink", check_hardlink},
	{"rename", check_rename},
	{"owner", check_owner},
	{"special", check_special},
	{"directory", check_directory},
	{"large", check_large},
};

/* "files DIR": every check; one line each, "NAME ok" or "NAME step: cause". */
static int files_check(int argc, char **argv)
{
	int failures = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int status;
		pid_t child;

		if (argc > 1 && strcmp(argv[1], checks[i].name) != 0)
			continue;
		printf("%s ", checks[i].name);
		fflush(stdout);
		child = fork();
		if (child == 0) {
			umask(022);
			if (chdir(argv[0]) != 0)
				payload_die(argv[0]);
			status = checks[i].run();
			if (status == 0)
				puts("ok");
			fflush(stdout);
			_exit(status);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			payload_die("child");
		failures += status != 0;
	}
	return failures == 0 ? 0 : 1;
}

/* The mapping outlives its descriptor and is never synchronized. */
static int files_leave_mapped(int argc, char **argv)
{
	size_t size = (size_t)payload_number(argv[1]);
	int fd = open(argv[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char *map;

	(void)argc;
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		payload_die(argv[0]);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		payload_die("mmap");
	close(fd);
	memset(map, 'x', size);
	_exit(0);
}

/* The value in hexadecimal digits. */
static int files_xattr_set(int argc, char **argv)
{
	unsigned char value[256];
	size_t size = strlen(argv[2]) / 2;

	(void)argc;
	for (size_t i = 0; i < size && i < sizeof(value); i++)
		sscanf(argv[2] + 2 * i, "%2hhx", &value[i]);
	if (setxattr(argv[0], argv[1], value, size, 0) < 0)
		payload_die(argv[0]);
	return 0;
}

static int files_xattr_get(int argc, char **argv)
{
	unsigned char value[256];
	ssize_t size = getxattr(argv[0], argv[1], value, sizeof(value));

	(void)argc;
	if (size < 0)
		payload_die(argv[0]);
	for (ssize_t i = 0; i < size; i++)
		printf("%02x", value[i]);
	putchar('\n');
	return 0;
}

/* Opens, reads and closes every file of a tree, as find and grep do. */
static int files_count(int argc, char **argv)
{
	FTS *tree = fts_open(argv, FTS_PHYSICAL, NULL);
	const FTSENT *f;
	long count = 0;
	char byte;

	(void)argc;
	while (tree && (f = fts_read(tree))) {
		int fd;

		if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS) {
			errno = f->fts_errno;
			payload_die(f->fts_path);
		}
		if (f->fts_info != FTS_F)
			continue;
		fd = open(f->fts_accpath, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, &byte, 1) < 0)
			payload_die(f->fts_path);
		close(fd);
		count++;
	}
	printf("%ld files\n", count);
	return 0;
}

const struct payload_command file_commands[] = {
	{"xattr-set", "PATH NAME HEX", 3, files_xattr_set},
	{"xattr-get", "PATH NAME", 2, files_xattr_get},
	{"count-files", "DIR", 1, files_count},
	{"files", "DIR [CHECK]", 1, files_check},
	{"leave-mapped", "FILE BYTES", 2, files_leave_mapped},
	{NULL, NULL, 0, NULL},
};
