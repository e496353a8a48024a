/* ps(1) over a copy of the guest's /proc.
 *
 *   answer ── checked, file by file ──> a tmpfs on /proc, in namespaces of a child's own
 *                                          └─ ps in a jail with that, programs, libraries and names
 *                                             of users; without capabilities, sockets, processes
 *
 * The options, columns and their widths are then ps's own, as they are with runc. Ages are right
 * because the time of boot and the uptime are the guest's too. ps looks itself up before anything
 * else: as number 1 of its pid namespace it finds the container's first process, or a stand-in that
 * is taken out of its output again. Must not judge the guest's files:
 * ps_files.c does. */
#include "runtime/cmd/ps_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cmd/ps_files.h"
#include "runtime/proc/spawn.h"
#include "runtime/proc/strv.h"
#include "runtime/sandbox/confine.h"
#include "runtime/sandbox/jail.h"

#define TABLE_HOST_BYTES (64u << 10)
/* A guest may say that it has any number of processes: room for tens of thousands. */
#define TABLE_MOUNT	   "mode=755,size=256m,nr_inodes=300000"
#define TABLE_OUTPUT_BYTES (64 << 20)
#define TABLE_TOP	   "/sys" /* a directory that ps does without: its root is built there */
#define TABLE_PATH	   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* Numbers of terminals: 136 and the next seven are pts/N (Documentation/admin-guide/devices.txt).
 */
#define TABLE_PTS_MAJOR	 136u
#define TABLE_PTS_MAJORS 8u

/* The host's own, of which ps wants to see something. */
static const char *const table_host_files[] = {"self/stat", "self/status", "cpuinfo"};

#define TABLE_HOST_FILES (sizeof(table_host_files) / sizeof(*table_host_files))

struct table_run {
	const char *answer;
	size_t size;
	bool has_first; /* the answer has a process with the number 1 */
	char path[PATH_MAX];
	char *const *argv;
	int proc_fd; /* the host's /proc */
	int output_fd;
	int complaint_fd;
};

/* A file of ps's from its beginning, as a text. */
static char *table_read(int fd)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) < 0 || st.st_size > TABLE_OUTPUT_BYTES)
		return NULL;
	text = xmalloc((size_t)st.st_size + 1);
	n = fd_read_all(fd, text, (size_t)st.st_size);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int table_write(int dirfd, const char *name, const char *data, size_t size)
{
	auto_close int fd = -1;
	char path[64];

	for (const char *at = name; (at = strchr(at, '/')); at++) {
		snprintf(path, sizeof(path), "%.*s", (int)(at - name), name);
		if (mkdirat(dirfd, path, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? -errno : fd_write_all(fd, data, size);
}

/* The directory's owner is how ps knows whose the process is. */
static int table_own(int dirfd, const struct guest_file *f)
{
	auto_free char *text = xstrndup(f->data, f->size);
	const char *uids = strstr(text, "\nUid:");
	const char *gids = strstr(text, "\nGid:");
	unsigned int uid = 0, gid = 0;
	char path[64];

	if (!uids || sscanf(uids, "\nUid: %*u %u", &uid) != 1 || !gids ||
	    sscanf(gids, "\nGid: %*u %u", &gid) != 1)
		return -EPROTO;
	snprintf(path, sizeof(path), "%.*s", (int)(strrchr(f->name, '/') - f->name), f->name);
	return fchownat(dirfd, path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Its name is "pts/N" where such a node is. */
static int table_add_terminal(const struct guest_file *f)
{
	const char *close = memrchr(f->data, ')', f->size);
	auto_free char *rest = xstrndup(close + 1, (size_t)(f->data + f->size - close - 1));
	unsigned int number = 0;
	unsigned int major;
	unsigned int minor;
	char path[64];

	if (sscanf(rest, " %*c %*d %*d %*d %u", &number) != 1)
		return -EPROTO;
	/* As the kernel packs it for user space: new_encode_dev(). */
	major = number >> 8 & 0xfff;
	minor = (number & 0xff) | (number >> 12 & 0xfff00);
	if (major < TABLE_PTS_MAJOR || major >= TABLE_PTS_MAJOR + TABLE_PTS_MAJORS)
		return 0;
	snprintf(path, sizeof(path), "/dev/pts/%u", ((major - TABLE_PTS_MAJOR) << 20) + minor);
	if (mknod(path, S_IFCHR | 0620, makedev(major, minor)) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int table_take(int dirfd, const struct guest_file *f)
{
	const char *leaf = ps_files_leaf(f->name);
	char line[PS_FILES_LINE_BYTES];
	int r;

	if (!leaf && ps_files_machine(f, line))
		return table_write(dirfd, f->name, line, strlen(line));
	if (!leaf || !ps_files_is_right(f, leaf))
		return -EPROTO;
	r = table_write(dirfd, f->name, f->data, f->size);
	if (r == 0 && !strcmp(leaf, "status"))
		r = table_own(dirfd, f);
	if (r == 0 && !strcmp(leaf, "stat"))
		r = table_add_terminal(f);
	return r;
}

/* Does a directory list its entries in the order they were made in? tmpfs has done either, and ps
 * keeps what it finds, which from a kernel are rising numbers. */
static bool table_lists_oldest_first(int dirfd)
{
	auto_close int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	bool is_oldest = false;
	DIR *dir;

	if (mkdirat(dirfd, "older", 0700) < 0 || mkdirat(dirfd, "newer", 0700) < 0)
		return true;
	dir = fdopendir(fd);
	if (dir) {
		take_fd(fd);
		while ((entry = readdir(dir)) && strcmp(entry->d_name, "newer") != 0)
			is_oldest = is_oldest || !strcmp(entry->d_name, "older");
		closedir(dir);
	}
	unlinkat(dirfd, "older", AT_REMOVEDIR);
	unlinkat(dirfd, "newer", AT_REMOVEDIR);
	return is_oldest;
}

/* Where the files of an answer begin; the caller frees the list. */
static int table_find_files(const char *answer, size_t size, size_t **ret_at, size_t *ret_count,
			    struct err *e)
{
	struct guest_file f;
	struct wire_in in;
	size_t *at = NULL;
	size_t room = 0;
	size_t count = 0;
	size_t begin = 0;

	wire_in_init(&in, answer, size);
	for (; guest_query_next(&in, &f); begin = in.at) {
		if (count == room) {
			room = room ? room * 2 : 64;
			at = xreallocarray(at, room, sizeof(*at));
		}
		at[count++] = begin;
	}
	*ret_at = at;
	*ret_count = count;
	return wire_in_end(&in) ? 0 : err_set(e, -EPROTO, "guest: malformed list of its processes");
}

static int table_fill(int dirfd, const char *answer, size_t size, struct err *e)
{
	static const char drivers[] = "pty_slave /dev/pts 136 0-1048575 pty:slave\n";
	bool is_forward = table_lists_oldest_first(dirfd);
	auto_free size_t *at = NULL;
	size_t count = 0;
	int r = table_find_files(answer, size, &at, &count, e);

	if (r < 0)
		return r;
	r = table_write(dirfd, "tty/drivers", drivers, sizeof(drivers) - 1);
	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t begin = at[is_forward ? i : count - 1 - i];
		struct guest_file f = {.name = ""};
		struct wire_in in;

		wire_in_init(&in, answer + begin, size - begin);
		r = guest_query_next(&in, &f) ? table_take(dirfd, &f) : -EPROTO;
		if (r == -EPROTO)
			return err_set(e, r, "guest: malformed file '%s' of its processes", f.name);
	}
	return r < 0 ? err_sys(e, r, "writing the list of processes down") : 0;
}

/* The number 1 that a container without a pid namespace, or without processes, has not. */
static bool table_has_first(const char *answer, size_t size)
{
	struct guest_file f;
	struct wire_in in;

	wire_in_init(&in, answer, size);
	while (guest_query_next(&in, &f)) {
		if (!strcmp(f.name, "1/stat"))
			return true;
	}
	return false;
}

static int table_write_stand_in(int dirfd)
{
	static const char stat[] =
		"1 (vmrt) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0 0 0 0 0 0 "
		"0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
	static const char status[] =
		"Name:\tvmrt\nState:\tS (sleeping)\nTgid:\t1\nPid:\t1\nPPid:\t0\n"
		"Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t1\n";
	static const struct {
		const char *name;
		const char *text;
	} files[] = {{"1/stat", stat},
		     {"1/status", status},
		     {"stat", "cpu  0 0 0 0 0 0 0 0 0 0\nbtime 0\n"},
		     {"sys/kernel/pid_max", "32768\n"},
		     {"uptime", "1.00 1.00\n"}};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(*files); i++)
		r = table_write(dirfd, files[i].name, files[i].text, strlen(files[i].text));
	return r;
}

static int table_mount(const char *where, struct err *e)
{
	if (mount("vmrt", where, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, TABLE_MOUNT) < 0)
		return err_sys(e, -errno, "mounting a file system on %s", where);
	return 0;
}

/* What ps wants to see of the host's /proc; in the child, before its own is covered. */
static int table_prepare(const struct table_run *t, struct err *e)
{
	char *texts[TABLE_HOST_FILES] = {0};
	size_t sizes[TABLE_HOST_FILES] = {0};
	auto_close int dirfd = -1;
	int r = 0;

	for (size_t i = 0; i < TABLE_HOST_FILES; i++)
		(void)!fd_read_file(t->proc_fd, table_host_files[i], TABLE_HOST_BYTES, &texts[i],
				    &sizes[i]);
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		r = err_sys(e, -errno, "making mounts private");
	if (r == 0)
		r = table_mount("/proc", e);
	if (r == 0)
		r = table_mount("/dev/pts", e);
	dirfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < TABLE_HOST_FILES; i++) {
		if (r == 0 && texts[i] &&
		    table_write(dirfd, table_host_files[i], texts[i], sizes[i]) < 0)
			r = err_set(e, -EIO, "writing the list of processes down failed");
		free(texts[i]);
	}
	if (r == 0 && !t->has_first && table_write_stand_in(dirfd) < 0)
		r = err_set(e, -EIO, "writing the list of processes down failed");
	return r < 0 ? r : table_fill(dirfd, t->answer, t->size, e);
}

/* Nothing but what ps looks at. */
static int table_enter_jail(const char *program, const char **ret_stage)
{
	static const char *const files[] = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
					    "/etc/localtime"};
	char home[PATH_MAX];
	struct jail jail;

	jail_init(&jail, TABLE_TOP, 0, 0);
	jail_add_programs(&jail, program, home);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (access(files[i], R_OK) == 0)
			jail_add_file(&jail, files[i], files[i]);
	}
	jail_add_tree(&jail, "/proc", "/proc");
	jail_add_tree(&jail, "/dev/pts", "/dev/pts");
	return jail_enter(&jail, ret_stage);
}

/* ps parses what the guest made. It stays root, whose processes are those that ps shows by default:
 * of a root that has no more than this, that is a number. */
static int table_confine(const struct table_run *t, struct err *e)
{
	const char *stage = NULL;
	int r = table_enter_jail(t->path, &stage);

	return r < 0 ? err_sys(e, r, "ps: its root: %s", stage) : confine_finish(CONFINE_READER, e);
}

static int table_child(void *arg)
{
	const struct table_run *t = arg;
	sigset_t none;
	struct err e;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = table_prepare(t, &e);
	if (r == 0)
		r = table_confine(t, &e);
	if (r == 0 &&
	    (dup2(t->output_fd, STDOUT_FILENO) < 0 || dup2(t->complaint_fd, STDERR_FILENO) < 0))
		r = err_sys(&e, -errno, "ps: its streams");
	if (r == 0) {
		signal(SIGPIPE, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv(t->path, t->argv);
		err_sys(&e, -errno, "executing '%s'", t->path);
	}
	(void)!write(t->complaint_fd, e.text, strlen(e.text));
	return EXIT_FAILURE;
}

/* In PATH, as runc does; engines may call without one. */
static bool table_find_ps(char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");
	auto_free char *copy = xstrdup(dirs && *dirs ? dirs : TABLE_PATH);
	char *save = NULL;
	char name[PATH_MAX];

	for (char *dir = strtok_r(copy, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		if (*dir == '/' && snprintf(name, sizeof(name), "%s/ps", dir) < PATH_MAX &&
		    access(name, X_OK) == 0 && realpath(name, path))
			return true;
	}
	return false;
}

/* The word at this place of a line. */
static const char *table_word(const char *line, size_t index)
{
	line += strspn(line, " ");
	while (index-- && *line) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* The stand-in's line is none of the container's. */
static int table_print_others(int fd, struct err *e)
{
	auto_free char *text = NULL;
	char *save = NULL;
	char *line;
	size_t index = 0;

	if (lseek(fd, 0, SEEK_SET) < 0 || (text = table_read(fd)) == NULL)
		return err_set(e, -EIO, "reading the output of ps failed");
	line = strtok_r(text, "\n", &save);
	while (line && *table_word(line, index) && strncmp(table_word(line, index), "PID", 3) != 0)
		index++;
	if (!line || !*table_word(line, index))
		return err_set(e, -EINVAL, "couldn't find PID field in ps output");
	for (puts(line); (line = strtok_r(NULL, "\n", &save));) {
		if (strtoul(table_word(line, index), NULL, 10) != 1)
			puts(line);
	}
	return fflush(stdout) ? err_set(e, -EIO, "writing the list failed") : 0;
}

static int table_wait(const struct table_run *t, int pidfd, struct err *e)
{
	auto_free char *complaint = NULL;
	int status;
	int r = spawn_wait(pidfd, -1, &status);

	if (r < 0)
		return err_sys(e, r, "waiting for ps");
	if (lseek(t->complaint_fd, 0, SEEK_SET) == 0)
		complaint = table_read(t->complaint_fd);
	if (complaint)
		complaint[strcspn(complaint, "\n")] = '\0';
	if (status)
		return err_set(e, -EINVAL, "ps: %s",
			       complaint && *complaint ? complaint : "failed");
	return t->has_first ? 0 : table_print_others(t->output_fd, e);
}

static int table_run(struct table_run *t, struct err *e)
{
	auto_close int complaint = memfd_create("vmrt-ps", MFD_CLOEXEC);
	auto_close int output = memfd_create("vmrt-ps", MFD_CLOEXEC);
	auto_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int pidfd = -1;
	pid_t pid;
	int r;

	if (complaint < 0 || output < 0 || proc < 0)
		return err_sys(e, -errno, "preparing ps");
	t->complaint_fd = complaint;
	t->proc_fd = proc;
	t->output_fd = t->has_first ? STDOUT_FILENO : output;
	r = spawn_monitor(CLONE_NEWPID | CLONE_NEWNS, table_child, t, &pid, &pidfd, e);
	return r < 0 ? r : table_wait(t, pidfd, e);
}

int ps_table_run(const char *answer, size_t size, char *const *words, size_t word_count,
		 struct err *e)
{
	struct table_run t = {
		.answer = answer, .size = size, .has_first = table_has_first(answer, size)};
	auto_strv struct strv argv = {0};

	if (!table_find_ps(t.path))
		return err_set(e, -ENOENT, "ps: the host has no such program in PATH");
	strv_push(&argv, "ps");
	if (!word_count)
		strv_push(&argv, "-ef");
	for (size_t i = 0; i < word_count; i++)
		strv_push(&argv, words[i]);
	t.argv = argv.at;
	return table_run(&t, e);
}
