/*
 * Payload commands that print what the kernel says of the process they run in. They change nothing.
 */
#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static int report_args(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return 0;
}

static int report_env(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (char **e = environ; *e != NULL; e++)
		puts(*e);
	return 0;
}

static int report_cwd(int argc, char **argv)
{
	char path[4096];

	(void)argc, (void)argv;
	if (getcwd(path, sizeof(path)) == NULL)
		payload_die("getcwd");
	puts(path);
	return 0;
}

static int report_hostname(int argc, char **argv)
{
	struct utsname uts;

	(void)argc, (void)argv;
	if (uname(&uts) != 0)
		payload_die("uname");
	puts(uts.nodename);
	return 0;
}

static int report_kernel(int argc, char **argv)
{
	struct utsname uts;

	(void)argc, (void)argv;
	if (uname(&uts) != 0)
		payload_die("uname");
	printf("%s %s\n", uts.release, uts.machine);
	return 0;
}

static int report_ids(int argc, char **argv)
{
	gid_t groups[1024];
	int count = getgroups(1024, groups);
	mode_t mask = umask(0);
	uid_t uid[3];
	gid_t gid[3];

	(void)argc, (void)argv;
	umask(mask);
	if (count < 0 || getresuid(&uid[0], &uid[1], &uid[2]) != 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		payload_die("ids");
	printf("uid=%u,%u,%u gid=%u,%u,%u groups=", uid[0], uid[1], uid[2], gid[0], gid[1], gid[2]);
	for (int i = 0; i < count; i++)
		printf("%s%u", i > 0 ? "," : "", groups[i]);
	printf(" umask=%04o\n", mask);
	return 0;
}

/* By system call, not from /proc: works in a container that mounts nothing. */
static int report_caps(int argc, char **argv)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint64_t bounding = 0, ambient = 0;

	(void)argc, (void)argv;
	if (syscall(SYS_capget, &header, data) != 0)
		payload_die("capget");
	for (int cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			bounding |= UINT64_C(1) << cap;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			ambient |= UINT64_C(1) << cap;
	}
	printf("inheritable=%016llx\n",
	       (unsigned long long)data[1].inheritable << 32 | data[0].inheritable);
	printf("permitted=%016llx\n",
	       (unsigned long long)data[1].permitted << 32 | data[0].permitted);
	printf("effective=%016llx\n",
	       (unsigned long long)data[1].effective << 32 | data[0].effective);
	printf("bounding=%016llx\n", (unsigned long long)bounding);
	printf("ambient=%016llx\n", (unsigned long long)ambient);
	return 0;
}

static int report_nnp(int argc, char **argv)
{
	(void)argc, (void)argv;
	printf("no_new_privs=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 0;
}

static int report_personality(int argc, char **argv)
{
	(void)argc, (void)argv;
	printf("personality=%d\n", personality(0xffffffff));
	return 0;
}

/* By system call: the C library's structures differ. */
static int report_scheduling(int argc, char **argv)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof(attr)};
	long io = syscall(SYS_ioprio_get, 1, 0);

	(void)argc, (void)argv;
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) != 0)
		payload_die("sched_getattr");
	printf("policy=%u nice=%d priority=%u flags=%llu runtime=%llu deadline=%llu period=%llu "
	       "io=%ld:%ld\n",
	       attr.policy, attr.nice, attr.priority, (unsigned long long)attr.flags,
	       (unsigned long long)attr.runtime, (unsigned long long)attr.deadline,
	       (unsigned long long)attr.period, io >> 13, io & 0x1fff);
	return 0;
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	}
	return "unknown";
}

static int report_fds(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;
		int flags = fcntl(fd, F_GETFL);

		if (flags < 0)
			continue;
		if (fstat(fd, &st) != 0)
			payload_die("fstat");
		printf("%d %s uid=%u %s%s\n", fd, type_name(st.st_mode), st.st_uid,
		       (flags & O_ACCMODE) == O_RDONLY	 ? "r"
		       : (flags & O_ACCMODE) == O_WRONLY ? "w"
							 : "rw",
		       flags & O_NONBLOCK ? " nonblock" : "");
	}
	return 0;
}

static int report_rlimits(int argc, char **argv)
{
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_AS] = "AS",
		[RLIMIT_CORE] = "CORE",
		[RLIMIT_CPU] = "CPU",
		[RLIMIT_DATA] = "DATA",
		[RLIMIT_FSIZE] = "FSIZE",
		[RLIMIT_LOCKS] = "LOCKS",
		[RLIMIT_MEMLOCK] = "MEMLOCK",
		[RLIMIT_MSGQUEUE] = "MSGQUEUE",
		[RLIMIT_NICE] = "NICE",
		[RLIMIT_NOFILE] = "NOFILE",
		[RLIMIT_NPROC] = "NPROC",
		[RLIMIT_RSS] = "RSS",
		[RLIMIT_RTPRIO] = "RTPRIO",
		[RLIMIT_RTTIME] = "RTTIME",
		[RLIMIT_SIGPENDING] = "SIGPENDING",
		[RLIMIT_STACK] = "STACK",
	};

	(void)argc, (void)argv;
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		struct rlimit limit;

		if (names[i] == NULL)
			continue;
		if (getrlimit(i, &limit) != 0)
			payload_die(names[i]);
		printf("%s %lld %lld\n", names[i], (long long)limit.rlim_cur,
		       (long long)limit.rlim_max);
	}
	return 0;
}

/* Prints "MOUNTPOINT TYPE OPTIONS PROPAGATION" per line of /proc/self/mountinfo (proc(5)). */
static int report_mounts(int argc, char **argv)
{
	FILE *info = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;

	(void)argc, (void)argv;
	if (info == NULL)
		payload_die("/proc/self/mountinfo");
	while (getline(&line, &room, info) > 0) {
		char point[4096], options[4096], type[256], super[4096];
		char *separator = strstr(line, " - ");
		const char *propagation = "private";

		if (separator == NULL ||
		    sscanf(line, "%*s %*s %*s %*s %4095s %4095s", point, options) != 2 ||
		    sscanf(separator, " - %255s %*s %4095s", type, super) != 2)
			payload_die(line);
		*separator = '\0';
		if (strstr(line, " shared:") != NULL)
			propagation = "shared";
		else if (strstr(line, " master:") != NULL)
			propagation = "slave";
		else if (strstr(line, " unbindable") != NULL)
			propagation = "unbindable";
		printf("%s %s %s %s %s\n", point, type, options, propagation, super);
	}
	free(line);
	fclose(info);
	return 0;
}

static int report_ns(int argc, char **argv)
{
	static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};

	(void)argc, (void)argv;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64], target[64];
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		length = readlink(path, target, sizeof(target) - 1);
		if (length < 0)
			payload_die(path);
		target[length] = '\0';
		puts(target);
	}
	return 0;
}

static int report_pid(int argc, char **argv)
{
	(void)argc, (void)argv;
	printf("pid=%d ppid=%d sid=%d pgid=%d\n", getpid(), getppid(), getsid(0), getpgid(0));
	return 0;
}

static int report_processes(int argc, char **argv)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	(void)argc, (void)argv;
	if (proc == NULL)
		payload_die("/proc");
	while ((entry = readdir(proc)) != NULL)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	closedir(proc);
	printf("processes=%d\n", count);
	return 0;
}

static int report_signals(int argc, char **argv)
{
	sigset_t blocked;

	(void)argc, (void)argv;
	if (sigprocmask(SIG_SETMASK, NULL, &blocked) != 0)
		payload_die("sigprocmask");
	fputs("ignored=", stdout);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;

		/* glibc refuses to tell about its two internal signals. */
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("%d,", number);
	}
	fputs(" blocked=", stdout);
	for (int number = 1; number < NSIG; number++) {
		if (sigismember(&blocked, number) == 1)
			printf("%d,", number);
	}
	puts("");
	return 0;
}

static int report_tty(int argc, char **argv)
{
	struct winsize size;

	(void)argc, (void)argv;
	for (int fd = 0; fd < 3; fd++)
		printf("%d %s\n", fd, isatty(fd) ? "tty" : "notty");
	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		printf("size=%ux%u\n", size.ws_col, size.ws_row);
	return 0;
}

static int report_stat(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		struct stat st;

		if (lstat(argv[i], &st) != 0) {
			printf("%s %s\n", argv[i], strerror(errno));
			continue;
		}
		printf("%s %s %04o uid=%u gid=%u", argv[i], type_name(st.st_mode),
		       st.st_mode & 07777, st.st_uid, st.st_gid);
		if (S_ISREG(st.st_mode))
			printf(" size=%lld nlink=%lu", (long long)st.st_size,
			       (unsigned long)st.st_nlink);
		if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			printf(" dev=%u:%u", major(st.st_rdev), minor(st.st_rdev));
		puts("");
	}
	return 0;
}

static int report_show(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char text[4096];
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		ssize_t length;

		if (fd < 0)
			payload_die(argv[i]);
		while ((length = read(fd, text, sizeof(text))) > 0)
			fwrite(text, 1, (size_t)length, stdout);
		if (length < 0)
			payload_die(argv[i]);
		close(fd);
	}
	return 0;
}

const struct payload_command report_commands[] = {
	{"args", "ARG…", 0, report_args},
	{"env", "", 0, report_env},
	{"cwd", "", 0, report_cwd},
	{"hostname", "", 0, report_hostname},
	{"kernel", "", 0, report_kernel},
	{"ids", "", 0, report_ids},
	{"caps", "", 0, report_caps},
	{"nnp", "", 0, report_nnp},
	{"personality", "", 0, report_personality},
	{"scheduling", "", 0, report_scheduling},
	{"fds", "", 0, report_fds},
	{"rlimits", "", 0, report_rlimits},
	{"mounts", "", 0, report_mounts},
	{"ns", "", 0, report_ns},
	{"pid", "", 0, report_pid},
	{"processes", "", 0, report_processes},
	{"signals", "", 0, report_signals},
	{"tty", "", 0, report_tty},
	{"stat", "FILE…", 1, report_stat},
	{"show", "FILE…", 1, report_show},
	{NULL, NULL, 0, NULL},
};
