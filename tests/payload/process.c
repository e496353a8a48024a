/*
 * Payload commands about the life of processes: ends, signals, children.
 */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int process_exit(int argc, char **argv)
{
	(void)argc;
	return (int)payload_number(argv[0]);
}

/* As PID 1 of a namespace the default action of a signal one sends to oneself does not happen: use
 * kill-child there. */
static int process_kill(int argc, char **argv)
{
	(void)argc;
	if (kill(getpid(), payload_signal(argv[0])) != 0)
		payload_die("kill");
	return 0;
}

static int process_kill_child(int argc, char **argv)
{
	int signal_number = payload_signal(argv[0]), status;
	pid_t child = fork();

	(void)argc;
	if (child == 0) {
		kill(getpid(), signal_number);
		_exit(98);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		payload_die("child");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int process_fault(int argc, char **argv)
{
	volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argc, (void)argv;
	/* A fault of its own kills even PID 1. */
	*page = 1;
	return 0;
}

static int process_sleep(int argc, char **argv)
{
	(void)argc;
	nanosleep(&(struct timespec){payload_number(argv[0]), 0}, NULL);
	return 0;
}

static int process_ready(int argc, char **argv)
{
	(void)argc, (void)argv;
	puts("ready");
	fflush(stdout);
	while (pause() != 0)
		;
	return 0;
}

static volatile sig_atomic_t caught;

static void remember_signal(int number)
{
	caught = number;
}

/* "ready", then ends with STATUS at the signal, its number being printed. */
static int process_trap(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = remember_signal};
	int number = payload_signal(argv[0]);
	sigset_t all, before;

	(void)argc;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (sigaction(number, &action, NULL) != 0)
		payload_die("sigaction");
	puts("ready");
	fflush(stdout);
	sigdelset(&before, number);
	while (caught == 0)
		sigsuspend(&before);
	printf("got %d\n", (int)caught);
	return (int)payload_number(argv[1]);
}

/* Prints the number of every signal that arrives; TERM ends it. */
static int process_watch_signals(int argc, char **argv)
{
	sigset_t all;
	int number;

	(void)argc, (void)argv;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	puts("ready");
	fflush(stdout);
	do {
		if (sigwait(&all, &number) != 0)
			payload_die("sigwait");
		printf("got %d\n", number);
		fflush(stdout);
	} while (number != SIGTERM);
	return 0;
}

/* Leaves a child behind that keeps stdout open; the container ends all the same. */
static int process_background(int argc, char **argv)
{
	pid_t child = fork();

	if (child < 0)
		payload_die("fork");
	if (child == 0) {
		nanosleep(&(struct timespec){payload_number(argv[0]), 0}, NULL);
		puts("child still here");
		fflush(stdout);
		_exit(0);
	}
	puts("parent ends");
	return argc > 1 ? (int)payload_number(argv[1]) : 0;
}

/* COUNT children alive at once, all reaped. */
static int process_forks(int argc, char **argv)
{
	long count = payload_number(argv[0]), reaped = 0;
	int gate[2], status;
	char byte;

	(void)argc;
	if (pipe2(gate, O_CLOEXEC) != 0)
		payload_die("pipe2");
	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			payload_die("fork");
		if (child > 0)
			continue;
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(gate[1]);
	while (wait(&status) > 0)
		reaped += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	printf("%ld children\n", reaped);
	return 0;
}

/* The grandchild of a dead child must be adopted by this pid namespace's init and be reapable
 * there. */
static int process_orphan(int argc, char **argv)
{
	int status;
	pid_t child = fork();

	(void)argc, (void)argv;
	if (child == 0) {
		pid_t grandchild = fork();

		if (grandchild == 0) {
			while (getppid() != 1)
				nanosleep(&(struct timespec){0, 1000000}, NULL);
			_exit(5);
		}
		_exit(grandchild < 0 ? 98 : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		payload_die("child");
	if (wait(&status) < 0)
		payload_die("grandchild");
	printf("adopted, status %d\n", WEXITSTATUS(status));
	return 0;
}

static int run_program(const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execl(path, path, (char *)NULL);
		_exit(98);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		payload_die(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void forget_pages(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	/* Its pages leave the page cache, so that the next program read lands in the same physical
	 * page. */
	if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		payload_die(path);
	close(fd);
}

/*
 * Runs two one-page programs by turns (exit status 10 and 20) and counts the wrong answers. An
 * emulator that is not told of data written into guest memory from outside goes on running the
 * translation of the page's previous program.
 */
static int process_stale(int argc, char **argv)
{
	const char *programs[2] = {argv[0], argv[1]};
	long rounds = payload_number(argv[2]), wrong = 0;

	(void)argc;
	for (long i = 0; i < rounds; i++) {
		for (int which = 0; which < 2; which++) {
			wrong += run_program(programs[which]) != (which + 1) * 10;
			forget_pages(programs[which]);
		}
	}
	printf("wrong=%ld of %ld\n", wrong, rounds * 2);
	return wrong == 0 ? 0 : 1;
}

/* Lets the kernel panic when memory runs out, and makes it run out. Needs a writable /proc/sys. */
static int process_panic(int argc, char **argv)
{
	enum { CHUNK_BYTES = 16 << 20 };
	int fd = open("/proc/sys/vm/panic_on_oom", O_WRONLY | O_CLOEXEC);

	(void)argc, (void)argv;
	if (fd < 0 || write(fd, "2", 1) != 1)
		payload_die("/proc/sys/vm/panic_on_oom");
	while (mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) != MAP_FAILED)
		;
	payload_die("mmap");
}

/* Ends the machine, not the container: needs CAP_SYS_BOOT and no pid namespace. */
static int process_reboot(int argc, char **argv)
{
	(void)argc;
	int how = RB_AUTOBOOT;

	if (!strcmp(argv[0], "off"))
		how = RB_POWER_OFF;
	else if (!strcmp(argv[0], "halt"))
		how = RB_HALT_SYSTEM;
	if (reboot(how) != 0)
		payload_die("reboot");
	return 0;
}

/* Takes that many MiB of memory and touches every page. */
static int process_allocate(int argc, char **argv)
{
	size_t size = (size_t)payload_number(argv[0]) << 20;

	(void)argc;
	if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		 0) == MAP_FAILED)
		payload_die("mmap");
	return 0;
}

static long call_native(long number, const long args[6])
{
	errno = 0;
	return syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) < 0 ? -errno
											 : 0;
}

/* The 32-bit entry of an x86-64 kernel: the same number means another call there. */
static long call_x86(long number, const long args[6])
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(args[0]), "c"(args[1]), "d"(args[2])
			 : "memory", "r8", "r9", "r10", "r11");
	return result < 0 ? result : 0;
#else
	(void)number, (void)args;
	errno = ENOSYS;
	payload_die("int 0x80");
#endif
}

static int report_call(int argc, char **argv, long (*call)(long number, const long args[6]))
{
	long args[6] = {0};
	long result;

	for (int i = 1; i < argc && i <= 6; i++)
		args[i - 1] = payload_number(argv[i]);
	result = call(payload_number(argv[0]), args);
	puts(result < 0 ? strerrorname_np((int)-result) : "ok");
	return 0;
}

/* Prints "ok" or the name of the error. */
static int process_syscall(int argc, char **argv)
{
	return report_call(argc, argv, call_native);
}

static int process_syscall32(int argc, char **argv)
{
	return report_call(argc, argv, call_x86);
}

/* sd_notify(3): all of the texts as one datagram, a line each. */
static int process_notify(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[4096] = "";

	if (path == NULL || strlen(path) >= sizeof(address.sun_path))
		payload_die("NOTIFY_SOCKET");
	strcpy(address.sun_path, path);
	for (int i = 0; i < argc; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "\n" : "",
			 argv[i]);
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		payload_die(path);
	return 0;
}

const struct payload_command process_commands[] = {
	{"exit", "STATUS", 1, process_exit},
	{"kill", "SIGNAL", 1, process_kill},
	{"kill-child", "SIGNAL", 1, process_kill_child},
	{"fault", "", 0, process_fault},
	{"sleep", "SECONDS", 1, process_sleep},
	{"ready", "", 0, process_ready},
	{"trap", "SIGNAL STATUS", 2, process_trap},
	{"watch-signals", "", 0, process_watch_signals},
	{"background", "SECONDS [STATUS]", 1, process_background},
	{"forks", "COUNT", 1, process_forks},
	{"orphan", "", 0, process_orphan},
	{"allocate", "MIB", 1, process_allocate},
	{"syscall", "NUMBER [ARG…]", 1, process_syscall},
	{"syscall32", "NUMBER [ARG…]", 1, process_syscall32},
	{"stale", "A B ROUNDS", 3, process_stale},
	{"notify", "LINE…", 1, process_notify},
	{"panic", "", 0, process_panic},
	{"reboot", "off|halt|restart", 1, process_reboot},
	{NULL, NULL, 0, NULL},
};
