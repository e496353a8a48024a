/*
 * init.c: PID 1 of the kernel tests' guest. Mounts what the tests need, runs the tests named by
 * TESTS in its environment and reboots, which ends QEMU.
 * It must not judge results: it only prints TAP lines, tests/kernel/run counts them.
 */
#include "guest.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int test_count;

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{"stale", test_stale},
	{"stale-control", test_stale_control},
	{"coherence", test_coherence},
	{"keeps-pages", test_keeps_pages},
	{"drops-pages", test_drops_pages},
	{"features", test_features},
	{"links", test_links},
	{"access", test_access},
	{"hold", test_hold},
	{"config", test_config},
	{"exec-speed", test_exec_speed},
	{"panic", test_panic},
};

void tap_result(bool is_ok, const char *format, ...)
{
	va_list args;

	printf("%s %d - ", is_ok ? "ok" : "not ok", ++test_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void host_do(const char *action)
{
	char answer;

	printf("HOST %s\n", action);
	if (read(STDIN_FILENO, &answer, 1) != 1)
		tap_note("no answer from the host");
}

int run_program(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* stdio on the virtio console, raw: no echo of the host's answers, no \r in ours. */
static bool open_console(void)
{
	struct termios tio;
	int fd = open("/dev/hvc0", O_RDWR);

	if (fd < 0 || tcgetattr(fd, &tio) < 0)
		return false;
	cfmakeraw(&tio);
	if (tcsetattr(fd, TCSANOW, &tio) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) < 0)
			return false;
	return setvbuf(stdout, NULL, _IOLBF, 4096) == 0;
}

static void mount_at(const char *what, const char *where, const char *type)
{
	mkdir(where, 0755);
	if (mount(what, where, type, 0, NULL) < 0)
		tap_note("mount of %s on %s failed: %m", type, where);
}

static void run_test(const char *name)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(tests[i].name, name) == 0) {
			tests[i].run();
			return;
		}
	}
	tap_result(false, "there is a test named '%s'", name);
}

/* The kernel hands NAME=VALUE words of its command line that it does not know to init as
 * environment. */
int main(void)
{
	char *names = getenv("TESTS");

	mkdir("/dev", 0755);
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) < 0 || !open_console())
		reboot(RB_AUTOBOOT);
	mount_at("proc", "/proc", "proc");
	mount_at("sys", "/sys", "sysfs");
	mount_at("tmp", "/tmp", "tmpfs");
	mount_at("cgroup", "/sys/fs/cgroup", "cgroup2");
	mount_at("share", SHARE, "virtiofs");

	for (char *name = names ? strtok(names, ",") : NULL; name; name = strtok(NULL, ","))
		run_test(name);
	printf("END %d\n", test_count);
	tcdrain(STDOUT_FILENO);
	reboot(RB_AUTOBOOT);
}
