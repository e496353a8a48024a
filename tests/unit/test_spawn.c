/* Starting processes: what a child inherits (nothing that was not told), what it gave up, and how
 * failures come back. Runs real programs. */
#include "runtime/proc/spawn.h"
#include "runtime/sandbox/ids.h"
#include "runtime/sandbox/jail.h"
#include "runtime/sandbox/sandbox.h"
#include "lib/fd.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[16384];

/* Runs /bin/sh -c SCRIPT with its output captured; the wait status, or a negative error. */
static int run_shell(struct spawn *s, const char *script, struct err *e)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script, NULL};
	struct spawn_fd fds[8];
	size_t count = 0;
	int pipe_fds[2];
	int pidfd = -1;
	int status = -1;
	pid_t pid;
	ssize_t n;
	int r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	for (; count < s->fd_count; count++)
		fds[count] = s->fds[count];
	fds[count++] = (struct spawn_fd){pipe_fds[1], 1};
	s->name = "test";
	s->path = s->path ? s->path : "/bin/sh";
	s->argv = argv;
	s->fds = fds;
	s->fd_count = count;
	r = spawn_start(s, &pid, &pidfd, e);
	close(pipe_fds[1]);
	n = r < 0 ? 0 : fd_read_all(pipe_fds[0], output, sizeof(output) - 1);
	close(pipe_fds[0]);
	output[n > 0 ? n : 0] = '\0';
	if (r < 0)
		return r;
	r = spawn_wait(pidfd, 10000, &status);
	close(pidfd);
	return r < 0 ? r : status;
}

/* The value behind `key` in a /proc/PID/status text, as a number of base 16. */
static unsigned long long status_hex(const char *key)
{
	const char *at = strstr(output, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : ~0ULL;
}

static void test_clean_start(void)
{
	const struct sigaction ignored = {.sa_handler = SIG_IGN};
	struct spawn s = {0};
	struct err e = {{0}};
	sigset_t some;
	int leaked = dup2(STDERR_FILENO, 50); /* no CLOEXEC, as an engine's leak */
	int status;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	/* 32 and 33 are the C library's own, which its sigaction() does not touch. */
	for (int number = 32; number <= 34; number++)
		syscall(SYS_rt_sigaction, number, &ignored, NULL, 8);
	sigprocmask(SIG_BLOCK, &some, NULL);
	status = run_shell(&s,
			   "for f in /proc/self/fd/*; do echo ${f##*/} $(readlink $f); done;"
			   "pwd; env | grep -v -e PWD -e SHLVL -e _=; exec cat /proc/self/status",
			   &e);
	is_int(status, 0, "a program is started and waited for");
	ok(strstr(output, "0 /dev/null\n") && strstr(output, "2 /dev/null\n"),
	   "standard streams that were not given are /dev/null");
	ok(leaked == 50 && !strstr(output, "\n50 ") && !strstr(output, "\n4 "),
	   "no other descriptor is inherited");
	ok(strstr(output, "\n/\n") != NULL, "the working directory is '/'");
	ok(!strstr(output, "HOME="), "the environment is empty");
	is_int((long long)status_hex("SigBlk:"), 0, "no signal is blocked");
	is_int((long long)status_hex("SigIgn:"), 0, "no signal is ignored");
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &some, NULL);
	close(leaked);
}

static void test_fd_crossing(void)
{
	int a[2];
	int b[2];
	struct err e = {{0}};
	struct spawn s = {0};
	struct spawn_fd fds[2];

	if (pipe2(a, O_CLOEXEC) < 0 || pipe2(b, O_CLOEXEC) < 0)
		exit(1);
	ok(write(a[1], "A\n", 2) == 2 && write(b[1], "B\n", 2) == 2, "two pipes are filled");
	close(a[1]);
	close(b[1]);
	/* each one's number is the other one's target */
	fds[0] = (struct spawn_fd){a[0], b[0]};
	fds[1] = (struct spawn_fd){b[0], a[0]};
	s.fds = fds;
	s.fd_count = 2;
	if (a[0] < 10 && b[0] < 10) {
		char script[64];

		snprintf(script, sizeof(script), "cat <&%d; cat <&%d", a[0], b[0]);
		is_int(run_shell(&s, script, &e), 0, "descriptors that exchange numbers start");
		is_str(output, "B\nA\n", "and arrive where they should");
	} else {
		ok(0, "pipes have small numbers");
	}
	close(a[0]);
	close(b[0]);
}

static void test_failures(void)
{
	struct spawn s = {.path = "/nonexistent/qemu"};
	struct spawn_fd bad[] = {{999, 3}};
	struct err e = {{0}};
	int status;

	is_int(run_shell(&s, "true", &e), -ENOENT, "a missing program is an error of the start");
	is_str(e.text, "test: executing '/nonexistent/qemu': not found",
	       "and is named without words that engines take for the user's program");
	is_int(waitpid(-1, &status, WNOHANG), -1, "no zombie is left");
	is_int(errno, ECHILD, "and no child");
	s = (struct spawn){.path = "/etc/passwd"};
	is_int(run_shell(&s, "true", &e), -EACCES, "so is one that cannot be executed");
	ok(!strstr(e.text, "ermission denied"), "%s", e.text);
	s = (struct spawn){.fds = bad, .fd_count = 1};
	is_int(run_shell(&s, "true", &e), -EBADF, "a closed descriptor is refused");
	is_str(e.text, "test: duplicating a descriptor: Bad file descriptor", "with its stage");
	s = (struct spawn){0};
	is_int(run_shell(&s, "kill -9 $$", &e), W_EXITCODE(0, SIGKILL),
	       "death by a signal is seen as that");
	s = (struct spawn){0};
	is_int(run_shell(&s, "exit 41", &e), W_EXITCODE(41, 0), "and exit statuses as they are");
}

static void test_sandbox(void)
{
	struct sandbox qemu;
	struct sandbox share;
	struct spawn s = {.sandbox = &qemu, .death_signal = SIGKILL};
	struct err e = {{0}};

	sandbox_init_qemu(&qemu, 12345);
	qemu.has_oom_score_adj = true;
	qemu.oom_score_adj = 123;
	is_int(run_shell(&s,
			 "ulimit -c; cat /proc/self/oom_score_adj; ulimit -Hn; ulimit -Hp; ulimit "
			 "-Hl; "
			 "id -u; id -g; id -G; exec cat /proc/self/status",
			 &e),
	       0, "a program starts with QEMU's sandbox");
	ok(strstr(output, "0\n123\n1024\n256\n0\n") == output,
	   "no core dumps, oom_score_adj as told, bounded files, threads and locked memory");
	ok(strstr(output, "\n12345\n12345\n12345\n") != NULL,
	   "a user and group of its own, no other group");
	is_int((long long)status_hex("CapEff:"), 0, "no effective capability");
	is_int((long long)status_hex("CapPrm:"), 0, "no permitted capability");
	is_int((long long)status_hex("CapBnd:"), 0, "no bounding capability");
	is_int((long long)status_hex("NoNewPrivs:"), 1, "no new privileges");

	sandbox_init_virtiofsd(&share);
	s = (struct spawn){.sandbox = &share};
	is_int(run_shell(&s, "exec cat /proc/self/status", &e), 0,
	       "a program starts with virtiofsd's sandbox");
	is_int((long long)status_hex("CapBnd:"), (long long)share.keep_caps,
	       "it keeps what is on the list");
	ok(!(share.keep_caps & (1ULL << 12)) && !(share.keep_caps & (1ULL << 19)),
	   "network administration and ptrace are not on it");
}

static void test_namespaces(void)
{
	char top[] = "/tmp/vmrt-spawn-test.XXXXXX";
	char home[PATH_MAX];
	struct sandbox qemu;
	struct jail jail;
	struct spawn s = {.want_new_mount_ns = true,
			  .jail = &jail,
			  .want_new_net_ns = true,
			  .sandbox = &qemu};
	struct err e = {{0}};

	if (!mkdtemp(top))
		exit(1);
	sandbox_init_qemu(&qemu, 12345);
	jail_init(&jail, top, 12345, 12345);
	jail_add_programs(&jail, "/bin/sh", home);
	jail_add_file(&jail, "/etc/hostname", "/given/name");
	jail_add_tree(&jail, "/nowhere", "/nowhere");
	is_int(jail_add_device(&jail, "/dev/null", "/dev/null"), 0, "a device is added");
	is_int(jail_add_device(&jail, "/etc/hostname", "/dev/x"), -ENODEV, "a file is none");
	is_int(run_shell(&s,
			 "(echo x >/usr/x) 2>/dev/null && echo written; "
			 "(echo x >/x) 2>/dev/null && echo written; "
			 "for f in /* /*/; do [ -e /etc/passwd ] && echo host; done; "
			 "test -s /given/name && echo given; "
			 "echo x >/dev/null && echo device; echo /dev/* /given/* /proc* /nowhere*",
			 &e),
	       0, "a program starts in a root and namespaces of its own");
	is_str(output, "given\ndevice\n/dev/null /given/name /proc* /nowhere*\n",
	       "where there is what was listed, and nothing can be written");
	is_int(rmdir(top), 0, "outside there was never anything");
}

static void test_ids(void)
{
	char dir[] = "/tmp/vmrt-ids-test.XXXXXX";
	const struct ids_range range = {5000, 2};
	struct ids_lease first = IDS_LEASE_NONE;
	struct ids_lease second = IDS_LEASE_NONE;
	struct ids_lease third = IDS_LEASE_NONE;
	char name[64];
	struct err e = {{0}};

	if (!mkdtemp(dir))
		exit(1);
	ok(ids_take(dir, &range, &first, &e) == 0 && first.id == 5000,
	   "the first uid of the range is leased");
	ok(ids_take(dir, &range, &second, &e) == 0 && second.id == 5001, "and then the second");
	is_int(ids_take(dir, &range, &third, &e), -EAGAIN, "and no third");
	is_str(e.text, "all of the 2 uids from 5000 on are taken (settings: uid-count)",
	       "which is said");
	is_int(flock(first.qemu_fd, LOCK_UN), 0, "QEMU gives its part of the lock up");
	is_int(flock(first.qemu_fd, LOCK_EX | LOCK_NB), -1, "and cannot have all of it");
	is_int(ids_take(dir, &range, &third, &e), -EAGAIN, "the uid is still taken");
	fd_close(&second.fd);
	is_int(ids_take(dir, &range, &third, &e), -EAGAIN, "it is while QEMU alone is left");
	ids_drop(&first);
	ok(ids_take(dir, &range, &first, &e) == 0 && first.id == 5000,
	   "what has ended is free again");
	ids_drop(&first);
	ids_drop(&second);
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s/uids/%d", dir, 5000 + i);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s/uids", dir);
	ok(rmdir(name) == 0 && rmdir(dir) == 0, "there is a file for each and nothing else");
}

static int exit_with(void *arg)
{
	return *(int *)arg;
}

static int exit_with_pid(void *arg)
{
	(void)arg;
	return getpid();
}

static int start_and_leave(void *arg)
{
	struct spawn s = {.death_signal = SIGKILL};
	char *const argv[] = {(char[]){"sleep"}, (char[]){"100"}, NULL};
	struct err e;
	pid_t pid;

	s.name = "sleep";
	s.path = "/bin/sleep";
	s.argv = argv;
	if (spawn_start(&s, &pid, NULL, &e) < 0)
		return 1;
	return write(*(int *)arg, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1;
}

static int wait_for_ever(void *arg)
{
	(void)arg;
	while (pause() < 0)
		;
	return 0;
}

static void test_monitor(void)
{
	struct err e = {{0}};
	int code = 77;
	int status = 0;
	int pidfd = -1;
	int pipe_fds[2];
	pid_t pid;

	is_int(spawn_monitor(0, exit_with, &code, &pid, &pidfd, &e), 0, "a monitor is forked");
	is_int(spawn_wait(pidfd, 5000, &status), 0, "and reaped");
	is_int(status, W_EXITCODE(77, 0), "with the value its function returned");
	close(pidfd);
	is_int(spawn_monitor(CLONE_NEWPID | CLONE_NEWNS, exit_with_pid, NULL, &pid, &pidfd, &e), 0,
	       "in new namespaces too");
	ok(spawn_wait(pidfd, 5000, &status) == 0 && status == W_EXITCODE(1, 0), "as process 1");
	close(pidfd);
	is_int(spawn_monitor(CLONE_VM, exit_with, &code, &pid, &pidfd, &e), -EINVAL,
	       "flags that are no namespaces are refused");

	is_int(spawn_monitor(0, wait_for_ever, NULL, &pid, &pidfd, &e), 0, "one that never ends");
	is_int(spawn_wait(pidfd, 20, &status), -ETIMEDOUT, "is waited for as long as told");
	spawn_kill(&pidfd);
	ok(pidfd == -1 && kill(pid, 0) < 0 && errno == ESRCH, "and is gone after spawn_kill");

	/* the grandchild is re-parented to us, so that its end can be seen */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		exit(1);
	is_int(spawn_monitor(0, start_and_leave, &pipe_fds[1], &pid, &pidfd, &e), 0,
	       "a monitor that dies");
	ok(spawn_wait(pidfd, 5000, &status) == 0 && status == 0 &&
		   read(pipe_fds[0], &pid, sizeof(pid)) == sizeof(pid),
	   "after it started a program");
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   "takes the program with it");
	close(pidfd);
}

int main(void)
{
	test_failures();
	test_clean_start();
	test_fd_crossing();
	test_monitor();
	if (geteuid() == 0) {
		test_sandbox();
		test_namespaces();
		test_ids();
	} else {
		ok(1, "sandbox and namespaces # SKIP needs root");
	}
	return done_testing();
}
