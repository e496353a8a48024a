/* What a confined process can still do and what ends it. Every probe runs in a child of its own. */
#include "runtime/sandbox/confine.h"
#include "runtime/sandbox/helper_filter.h"
#include "runtime/sandbox/sandbox.h"
#include "lib/fd.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 100 /* exit status: could not be confined */

static unsigned long long own_caps;

/* The probe's exit status, or minus the signal that ended it. */
static int probe(enum confine_role role, int (*run)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct err e;

		if (confine_begin(&e) < 0 || confine_finish(role, &e) < 0)
			_exit(FAILED);
		_exit(run());
	}
	if (waitpid(pid, &status, 0) != pid)
		return FAILED;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_program(void)
{
	execl("/bin/true", "true", NULL);
	return errno;
}

static int mount_something(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

static int enter_namespace(void)
{
	return unshare(CLONE_NEWNET) < 0 ? errno : 0;
}

static int change_user(void)
{
	return setresuid(1000, 1000, 1000) < 0 ? errno : 0;
}

static int clone_namespace(void)
{
	long r = syscall(SYS_clone, (unsigned long)CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (r == 0)
		_exit(0);
	return r < 0 ? errno : 0;
}

static int fork_child(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) != pid ? errno : status;
}

static int map_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int open_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0;
}

static int open_inet_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) < 0 ? errno : 0;
}

static int raise_limit(void)
{
	const struct rlimit more = {1u << 20, 1u << 20};

	return setrlimit(RLIMIT_NOFILE, &more) < 0 ? errno : 0;
}

static int open_file(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int write_nothing(void)
{
	return write(STDERR_FILENO, "", 0) < 0 ? errno : 0;
}

static unsigned long long status_hex(const char *field)
{
	unsigned long long value = ULLONG_MAX;
	char *text = NULL;
	const char *at;

	if (fd_read_file(AT_FDCWD, "/proc/self/status", 8192, &text, NULL) < 0)
		return value;
	at = strstr(text, field);
	if (at)
		value = strtoull(at + strlen(field), NULL, 16);
	free(text);
	return value;
}

/* Reading /proc needs openat, which an agent has not: only for the monitor. */
static int check_caps(void)
{
	/* The test's own may be fewer already, in a container of a CI system. */
	const unsigned long long wanted =
		own_caps & (1ULL << CAP_NET_ADMIN | 1ULL << CAP_KILL | 1ULL << CAP_SYS_RESOURCE |
			    1ULL << CAP_IPC_LOCK);

	return status_hex("CapEff:") == wanted && status_hex("CapPrm:") == wanted &&
			       status_hex("CapBnd:") == wanted && status_hex("CapInh:") == 0 &&
			       status_hex("NoNewPrivs:") == 1 && status_hex("Seccomp:") == 2
		       ? 0
		       : 1;
}

static int check_no_caps(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	/* capget is on no list */
	return syscall(SYS_capget, &header, data) < 0 ? errno : 0;
}

static int check_reader_caps(void)
{
	return status_hex("CapEff:") == 0 && status_hex("CapPrm:") == 0 &&
			       status_hex("CapBnd:") == 0 && status_hex("CapInh:") == 0 &&
			       status_hex("NoNewPrivs:") == 1 && status_hex("Seccomp:") == 2
		       ? 0
		       : 1;
}

static int open_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) < 0 ? errno : 0;
}

static int signal_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static void test_monitor(void)
{
	is_int(probe(CONFINE_MONITOR, check_caps), 0, "a monitor keeps four capabilities");
	is_int(probe(CONFINE_MONITOR, run_program), -SIGSYS, "it dies of executing a program");
	is_int(probe(CONFINE_MONITOR, mount_something), -SIGSYS, "of mounting");
	is_int(probe(CONFINE_MONITOR, enter_namespace), -SIGSYS, "of entering a namespace");
	is_int(probe(CONFINE_MONITOR, change_user), -SIGSYS, "of changing its user");
	is_int(probe(CONFINE_MONITOR, clone_namespace), ENOSYS, "it cannot clone into a namespace");
	is_int(probe(CONFINE_MONITOR, fork_child), 0, "it can fork");
	is_int(probe(CONFINE_MONITOR, map_code), ENOSYS, "it cannot map code");
	is_int(probe(CONFINE_MONITOR, open_packet_socket), ENOSYS, "nor open a packet socket");
	is_int(probe(CONFINE_MONITOR, open_inet_socket), 0, "it can ask a DNS server");
	is_int(probe(CONFINE_MONITOR, raise_limit), ENOSYS, "it cannot raise a limit");
	is_int(probe(CONFINE_MONITOR, open_file), 0, "it can open files");
}

static void test_agent(void)
{
	is_int(probe(CONFINE_AGENT, write_nothing), 0, "an exec's process can write");
	is_int(probe(CONFINE_AGENT, open_file), ENOSYS, "it opens nothing");
	is_int(probe(CONFINE_AGENT, open_inet_socket), ENOSYS, "nor sockets");
	is_int(probe(CONFINE_AGENT, fork_child), ENOSYS, "it does not fork");
	is_int(probe(CONFINE_AGENT, run_program), -SIGSYS, "it dies of executing a program");
	is_int(probe(CONFINE_AGENT, check_no_caps), ENOSYS, "what is on no list is not there");
}

static void test_reader(void)
{
	is_int(probe(CONFINE_READER, check_reader_caps), 0, "a reader keeps no capability");
	is_int(probe(CONFINE_READER, run_program), 0, "it can be executed");
	is_int(probe(CONFINE_READER, open_file), 0, "it can open files");
	is_int(probe(CONFINE_READER, open_unix_socket), ENOSYS, "it has no sockets");
	is_int(probe(CONFINE_READER, open_inet_socket), ENOSYS, "of any kind");
	is_int(probe(CONFINE_READER, fork_child), ENOSYS, "it does not fork");
	is_int(probe(CONFINE_READER, signal_parent), ENOSYS, "it signals nobody");
	is_int(probe(CONFINE_READER, mount_something), -SIGSYS, "it dies of mounting");
	is_int(probe(CONFINE_READER, change_user), -SIGSYS, "of changing its user");
}

static int unshare_user(void)
{
	return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

static int unshare_mounts(void)
{
	return unshare(CLONE_NEWNS) < 0 ? errno : 0;
}

static int trace_parent(void)
{
	return syscall(SYS_ptrace, 0x4206 /* SEIZE */, getppid(), 0, 0) < 0 ? errno : 0;
}

/* The same for what a helper program has. */
static int probe_helper(int (*run)(void))
{
	struct sandbox sandbox = {.no_new_privs = true, .keep_caps = own_caps};
	struct sock_fprog filter;
	const char *stage;
	int status = 0;
	struct err e;
	pid_t pid;

	if (helper_filter_make(&filter, &e) < 0)
		return FAILED;
	sandbox.filter = &filter;
	pid = fork();
	if (pid == 0)
		_exit(sandbox_apply_rights(&sandbox, &stage) < 0 ? FAILED : run());
	helper_filter_done(&filter);
	if (waitpid(pid, &status, 0) != pid)
		return FAILED;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_helper(void)
{
	is_int(probe_helper(run_program), 0, "a helper can be executed");
	is_int(probe_helper(unshare_mounts), 0, "it makes namespaces for itself");
	is_int(probe_helper(fork_child), 0, "it forks");
	is_int(probe_helper(open_unix_socket), 0, "it has local sockets");
	is_int(probe_helper(open_inet_socket), EPERM, "and no others");
	is_int(probe_helper(unshare_user), EPERM, "it makes no user namespace");
	is_int(probe_helper(clone_namespace), EPERM, "by no call");
	is_int(probe_helper(trace_parent), EPERM, "it traces nobody");
}

int main(void)
{
	own_caps = status_hex("CapPrm:");
	if (geteuid() == 0) {
		test_monitor();
		test_agent();
		test_reader();
		test_helper();
	} else {
		ok(1, "confinement # SKIP needs root");
	}
	return done_testing();
}
