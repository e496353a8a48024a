/* Answers to the host's questions about the container. Must not interpret what it reads: the host
 * does.
 *
 * It reads /proc and the cgroup from outside the container: what the container mounts over its own
 * changes nothing, and the numbers are without this process. */
#include "init/builtin.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/cgroup.h"
#include "init/wording.h"
#include "lib/fd.h"

#define BUILTIN_FILE_BYTES (32 * 1024) /* of one file; of a longer one, its beginning */

static void builtin_put(const char *name, const char *data, size_t size)
{
	struct wire_out o = {0};

	wire_put_str(&o, name);
	wire_put_u32(&o, (uint32_t)size);
	wire_put_bytes(&o, data, size);
	if (fd_write_all(STDOUT_FILENO, o.data, o.size) < 0)
		_exit(1); /* nobody reads it any more */
	wire_out_done(&o);
}

static ssize_t builtin_read(int dir_fd, const char *path, char buffer[BUILTIN_FILE_BYTES])
{
	auto_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : fd_read_all(fd, buffer, BUILTIN_FILE_BYTES - 1);
}

/* A file that is not there, or a process that has just ended, is left out. */
static void builtin_copy(int dir_fd, const char *path)
{
	char buffer[BUILTIN_FILE_BYTES];
	ssize_t n = builtin_read(dir_fd, path, buffer);

	if (n >= 0)
		builtin_put(path, buffer, (size_t)n);
}

static bool builtin_is_number(const char *name)
{
	return isdigit((unsigned char)*name);
}

/* Not init, not the kernel's, not somebody who is at such work as this one. */
static bool builtin_is_containers(int proc_fd, const char *pid)
{
	char buffer[BUILTIN_FILE_BYTES];
	char path[64];
	size_t size = strlen(CGROUP_OF_PROCESS);
	ssize_t n;

	snprintf(path, sizeof(path), "%.20s/cgroup", pid);
	n = builtin_read(proc_fd, path, buffer);
	return n > (ssize_t)size && !memcmp(buffer, CGROUP_OF_PROCESS, size) &&
	       (buffer[size] == '\n' || buffer[size] == '/');
}

static void builtin_put_threads(int proc_fd, const char *pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%.20s/task", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (entry = readdir(dir))) {
		if (!builtin_is_number(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%.20s/task/%.20s/stat", pid, entry->d_name);
		builtin_copy(proc_fd, path);
		snprintf(path, sizeof(path), "%.20s/task/%.20s/status", pid, entry->d_name);
		builtin_copy(proc_fd, path);
	}
	if (dir)
		closedir(dir);
}

static void builtin_put_process(int proc_fd, const char *pid)
{
	static const char *const names[] = {"stat", "status", "statm", "cmdline"};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%.20s/%s", pid, names[i]);
		builtin_copy(proc_fd, path);
	}
	builtin_put_threads(proc_fd, pid);
}

/* Of the pid namespace that this process was born in. */
static int builtin_processes(void)
{
	DIR *proc;
	struct dirent *entry;

	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return 1;
	proc = opendir("/proc");
	if (!proc)
		return 1;
	builtin_copy(dirfd(proc), "uptime");
	builtin_copy(dirfd(proc), "stat");
	builtin_copy(dirfd(proc), "meminfo");
	builtin_copy(dirfd(proc), "sys/kernel/pid_max");
	while ((entry = readdir(proc))) {
		if (builtin_is_number(entry->d_name) &&
		    builtin_is_containers(dirfd(proc), entry->d_name))
			builtin_put_process(dirfd(proc), entry->d_name);
	}
	closedir(proc);
	return 0;
}

static bool builtin_is_statistic(const char *name)
{
	static const char *const names[] = {
		"cpu.stat",
		"cpu.max",
		"memory.current",
		"memory.peak",
		"memory.max",
		"memory.stat",
		"memory.swap.current",
		"memory.swap.max",
		"memory.events",
		"pids.current",
		"pids.max",
		"io.stat",
		"cpuset.cpus.effective",
		"cpuset.mems.effective",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return !strncmp(name, "hugetlb.", 8);
}

static int builtin_stats(void)
{
	DIR *dir = opendir(CGROUP_CHILD);
	struct dirent *entry;

	if (!dir)
		return 1;
	while ((entry = readdir(dir))) {
		if (builtin_is_statistic(entry->d_name))
			builtin_copy(dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return 0;
}

/* Words behind the first: file, value, file, value. */
static int builtin_update(const struct guest_process *p)
{
	auto_close int dir_fd = open(CGROUP_CHILD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e;

	if (dir_fd < 0)
		return 1;
	if (cgroup_update(dir_fd, p->args.at + 1, p->args.count - 1, &e) == 0)
		return 0;
	/* Its reader may be gone; the status tells as well. */
	(void)!write(STDOUT_FILENO, e.text, strlen(e.text));
	return 1;
}

void builtin_run(const struct guest_process *p, const int ends[PROTO_STREAM_COUNT], int status_fd)
{
	int result = 1;

	(void)status_fd;
	setsid();
	if (ends[PROTO_STDOUT] < 0 || dup2(ends[PROTO_STDOUT], STDOUT_FILENO) < 0)
		_exit(1);
	/* The ports are init's; and closed with them, the status socket says that the work runs. */
	syscall(SYS_close_range, 3U, ~0U, 0U);
	switch ((enum guest_builtin)p->builtin) {
	case GUEST_BUILTIN_PROCESSES:
		result = builtin_processes();
		break;
	case GUEST_BUILTIN_STATS:
		result = builtin_stats();
		break;
	case GUEST_BUILTIN_UPDATE:
		result = builtin_update(p);
		break;
	case GUEST_BUILTIN_NONE:
	case GUEST_BUILTIN_COUNT:
		break;
	}
	_exit(result);
}
