/* Theory of operation
 *
 * The guest is hostile, QEMU its first prey, and the monitor reads what both of them send. So the
 * monitor, which begins as root with everything that `create` had, gives its rights up in stages.
 *
 * confine_begin() is its first act. Left are the capabilities that set-up uses:
 *
 *   SYS_ADMIN, SYS_PTRACE       namespaces (also one given as /proc/PID/ns/net), mounts, cgroup
 *   NET_ADMIN                   taps and redirections
 *   SETUID, SETGID, SETPCAP     the change to QEMU's user
 *   MKNOD, CHOWN                QEMU's device node
 *   NET_BIND_SERVICE            QEMU's low ports, where the network is the host's
 *   the others                  virtiofsd's work
 *
 * What can harm the host beyond files and this container is gone: modules, raw I/O, the clock,
 * reboot, BPF, audit.
 *
 * confine_finish() comes when QEMU and virtiofsd run, long before the guest says its first byte:
 *
 *   NET_ADMIN                   to follow changes of the container's network namespace: it is in
 *                               no other, and cannot get into another without SYS_ADMIN
 *   KILL                        to end QEMU, which has a uid of its own
 *   SYS_RESOURCE                to size the pipes of exec sessions, however many there are
 *   IPC_LOCK                    for the child that reports a guest's OOM kill to the engine
 *
 * then no_new_privs, then the filter of system calls. It stays uid 0 with the container's rootfs as
 * "/": it owns the state directory, and without DAC_OVERRIDE and SYS_ADMIN that is all that root
 * can do. An exec session's host process keeps no capability: it forwards signals and a size. A
 * reader (ps) keeps none either and is in a jail: what it opens by name is what was put there.
 *
 * The connector (monitor/connector.c), there with mounted sockets only, gets at its start SETUID
 * and SETGID, to connect as who asks, and DAC_OVERRIDE: its working directory is its own list of
 * descriptors, and what the guest says never gets to it but as a socket's number and a user's.
 *
 * The filter has three answers. What is in confine_calls is allowed, with conditions on arguments
 * where a call is two-faced. What nobody here ever calls and an intruder would try first
 * (confine_never, never.c) ends the process. Everything else is ENOSYS: a C library newer than this
 * list then falls back to what it did before, as it does on an old kernel.
 *
 * Must not be relied on by children: spawn.c's helpers are started between the two stages and have
 * sandboxes of their own. */
#include "runtime/sandbox/confine.h"

#include <asm/termbits.h> /* struct termios2; not beside <termios.h> */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "runtime/sandbox/never.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const cap_value_t confine_setup_caps[] = {
	CAP_SYS_ADMIN,	CAP_SYS_PTRACE,	  CAP_SYS_RESOURCE,
	CAP_SYS_CHROOT, CAP_NET_ADMIN,	  CAP_SETUID,
	CAP_SETGID,	CAP_SETPCAP,	  CAP_SETFCAP,
	CAP_MKNOD,	CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
	CAP_CHOWN,	CAP_FOWNER,	  CAP_FSETID,
	CAP_KILL,	CAP_IPC_LOCK,	  CAP_NET_BIND_SERVICE,
};
static const cap_value_t confine_monitor_caps[] = {
	CAP_NET_ADMIN,
	CAP_KILL,
	CAP_SYS_RESOURCE,
	CAP_IPC_LOCK,
};

static const cap_value_t confine_connector_caps[] = {
	CAP_SETUID,
	CAP_SETGID,
	CAP_DAC_OVERRIDE,
};

/* Where clone(2) has its flags. */
#ifdef __s390__
#define CLONE_FLAGS_INDEX 1
#else
#define CLONE_FLAGS_INDEX 0
#endif

#define MONITOR	  (1u << CONFINE_MONITOR)
#define CONNECTOR (1u << CONFINE_CONNECTOR)
#define READER	  (1u << CONFINE_READER)
#define OURS	  (MONITOR | CONNECTOR | 1u << CONFINE_AGENT)
#define ALL	  (OURS | READER)

/* Allowed whatever the arguments. A name that this architecture does not have is passed over. */
static const struct {
	const char *name;
	unsigned int roles;
} confine_calls[] = {
	/* the C library's own needs */
	{"brk", ALL},
	{"munmap", ALL},
	{"mremap", ALL},
	{"madvise", ALL},
	{"futex", ALL},
	{"rseq", ALL},
	{"set_robust_list", ALL},
	{"sigaltstack", ALL},
	{"getrandom", ALL},
	{"restart_syscall", ALL},
	{"exit", ALL},
	{"exit_group", ALL},
	{"rt_sigaction", ALL},
	{"rt_sigprocmask", ALL},
	{"rt_sigreturn", ALL},
	{"tgkill", ALL}, /* abort() */
	{"gettid", ALL},
	{"getpid", ALL},
	{"getuid", ALL},
	{"geteuid", ALL},
	{"getgid", ALL},
	{"getegid", ALL},
	{"clock_gettime", ALL},
	{"clock_getres", ALL},
	{"gettimeofday", ALL},
	{"time", ALL},
	/* descriptors that are there already */
	{"read", ALL},
	{"readv", ALL},
	{"write", ALL},
	{"writev", ALL},
	{"close", ALL},
	{"fcntl", ALL},
	{"fstat", ALL},
	{"lseek", ALL},
	{"dup", ALL},
	{"dup2", ALL},
	{"dup3", ALL},
	{"poll", ALL},
	{"ppoll", ALL},
	{"sendto", ALL},
	{"sendmsg", ALL},
	{"recvfrom", ALL},
	{"recvmsg", ALL},
	{"pread64", MONITOR | READER},
	{"splice", MONITOR},
	{"close_range", MONITOR | READER},
	{"memfd_create", MONITOR},
	{"ftruncate", MONITOR},
	{"epoll_create1", MONITOR},
	{"epoll_ctl", MONITOR},
	{"epoll_wait", MONITOR},
	{"epoll_pwait", MONITOR},
	{"timerfd_create", MONITOR},
	{"timerfd_settime", MONITOR},
	{"pipe2", MONITOR},
	{"accept4", MONITOR},
	{"bind", MONITOR},
	{"connect", MONITOR | CONNECTOR},
	{"shutdown", MONITOR},
	{"getsockname", MONITOR},
	{"getsockopt", MONITOR},
	{"setsockopt", MONITOR},
	/* the state directory, by its descriptor; by name, the container's root */
	{"openat", MONITOR | READER},
	{"faccessat", MONITOR | READER},
	{"faccessat2", MONITOR | READER},
	{"newfstatat", MONITOR | READER},
	{"statx", MONITOR | READER},
	{"getdents64", MONITOR | READER},
	{"mkdirat", MONITOR},
	{"mknodat", MONITOR}, /* FIFOs: devices need a capability */
	{"fchmodat", MONITOR},
	{"unlinkat", MONITOR},
	{"renameat", MONITOR},
	{"renameat2", MONITOR},
	/* QEMU and virtiofsd */
	{"kill", MONITOR},
	{"wait4", MONITOR},
	{"waitid", MONITOR},
	{"pidfd_open", MONITOR},
	{"pidfd_send_signal", MONITOR},
	/* whom it connects for; the capabilities come and go with it */
	{"setresuid", CONNECTOR},
	{"setresgid", CONNECTOR},
	{"setfsuid", CONNECTOR},
	/* cgroup/oom.c: which of the two alarm() is depends on the architecture */
	{"alarm", MONITOR},
	{"setitimer", MONITOR},
	/* a program's own beginning, and questions about itself and the machine */
	{"execve", READER},
	{"mmap", READER},
	{"mprotect", READER},
	{"arch_prctl", READER},
	{"set_tid_address", READER},
	{"open", READER},
	{"access", READER},
	{"stat", READER},
	{"lstat", READER},
	{"readlink", READER},
	{"readlinkat", READER},
	{"getcwd", READER},
	{"getppid", READER},
	{"getpgrp", READER},
	{"getrlimit", READER},
	{"sched_getaffinity", READER},
	{"sysinfo", READER},
	{"uname", READER},
	{"fadvise64", READER},
};

/* Allowed if ((argument `index`) & mask) == value. Several rows of a call: any of them. */
static const struct {
	const char *name;
	unsigned int roles;
	unsigned int index;
	uint64_t mask;
	uint64_t value;
} confine_conditions[] = {
	{"mmap", OURS, 2, PROT_EXEC, 0},
	{"mprotect", OURS, 2, PROT_EXEC, 0},
	{"ioctl", ALL, 1, UINT32_MAX, TIOCGWINSZ},
	{"ioctl", ALL, 1, UINT32_MAX, TCGETS},
	{"ioctl", ALL, 1, UINT32_MAX, TCSETS},
	{"ioctl", ALL, 1, UINT32_MAX, TCSETSW},
	{"ioctl", ALL, 1, UINT32_MAX, TCSETSF},
#ifdef TCGETS2
	/* glibc's since 2.42 */
	{"ioctl", ALL, 1, UINT32_MAX, TCGETS2},
	{"ioctl", ALL, 1, UINT32_MAX, TCSETS2},
	{"ioctl", ALL, 1, UINT32_MAX, TCSETSW2},
	{"ioctl", ALL, 1, UINT32_MAX, TCSETSF2},
#endif
	{"ioctl", MONITOR, 1, UINT32_MAX, FIONREAD},
	/* setting a limit needs a new one */
	{"prlimit64", MONITOR | READER, 2, UINT64_MAX, 0},
	/* A child of its own kind (cgroup/oom.c), in the same namespaces. */
	{"clone", MONITOR, CLONE_FLAGS_INDEX,
	 CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
		 CLONE_NEWPID | CLONE_NEWNET,
	 0},
	{"prctl", MONITOR, 0, UINT64_MAX, PR_SET_PDEATHSIG},
	{"prctl", MONITOR, 0, UINT64_MAX, PR_SET_NAME},
	{"prctl", READER, 0, UINT64_MAX, PR_CAPBSET_READ},
	/* the resolver; netlink once more */
	{"socket", MONITOR, 0, UINT32_MAX, AF_INET},
	{"socket", MONITOR, 0, UINT32_MAX, AF_NETLINK},
	{"socket", CONNECTOR, 0, UINT32_MAX, AF_UNIX},
};

/* Beside never.c's, but by a role whose row says otherwise. */
static const char *const confine_never[] = {
	"execve",      "mount",
	"umount2",     "open_tree",
	"move_mount",  "fsopen",
	"fsconfig",    "fsmount",
	"fspick",      "mount_setattr",
	"pivot_root",  "chroot",
	"unshare",     "open_by_handle_at",
	"setuid",      "setgid",
	"setreuid",    "setregid",
	"setresuid",   "setresgid",
	"setgroups",   "capset",
	"sethostname", "setdomainname",
};

static int confine_keep_caps(const cap_value_t *keep, size_t count, struct err *e)
{
	cap_t now = cap_get_proc();
	cap_t wanted = cap_init();
	cap_flag_value_t has;
	int r = now && wanted ? 0 : -ENOMEM;

	/* The bounding set first: dropping from it needs SETPCAP. */
	for (cap_value_t c = 0; r == 0 && c < cap_max_bits(); c++) {
		bool is_kept = false;

		for (size_t i = 0; i < count; i++)
			is_kept = is_kept || keep[i] == c;
		if (!is_kept && cap_get_bound(c) == 1 && cap_drop_bound(c) < 0)
			r = -errno;
		/* What we were not given ourselves cannot be kept. */
		if (r == 0 && is_kept && cap_get_flag(now, c, CAP_PERMITTED, &has) == 0 &&
		    has == CAP_SET &&
		    (cap_set_flag(wanted, CAP_PERMITTED, 1, &c, CAP_SET) < 0 ||
		     cap_set_flag(wanted, CAP_EFFECTIVE, 1, &c, CAP_SET) < 0))
			r = -errno;
	}
	if (r == 0 && cap_set_proc(wanted) < 0)
		r = -errno;
	cap_free(now);
	cap_free(wanted);
	return r < 0 ? err_sys(e, r, "dropping capabilities") : 0;
}

static int confine_add_conditions(scmp_filter_ctx filter, enum confine_role role)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(confine_conditions); i++) {
		int number = seccomp_syscall_resolve_name(confine_conditions[i].name);

		if (number == __NR_SCMP_ERROR || !(confine_conditions[i].roles & 1u << role))
			continue;
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
				     SCMP_CMP(confine_conditions[i].index, SCMP_CMP_MASKED_EQ,
					      confine_conditions[i].mask,
					      confine_conditions[i].value));
	}
	return r;
}

static bool confine_is_allowed(const char *name, enum confine_role role)
{
	for (size_t i = 0; i < COUNT(confine_calls); i++) {
		if (!strcmp(confine_calls[i].name, name))
			return confine_calls[i].roles & 1u << role;
	}
	return false;
}

static int confine_fill_filter(scmp_filter_ctx filter, enum confine_role role)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(confine_calls); i++) {
		int number = seccomp_syscall_resolve_name(confine_calls[i].name);

		if (number != __NR_SCMP_ERROR && (confine_calls[i].roles & 1u << role))
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	for (size_t i = 0; r == 0 && i < COUNT(confine_never); i++) {
		int number = seccomp_syscall_resolve_name(confine_never[i]);
		bool is_allowed = confine_is_allowed(confine_never[i], role);

		if (number != __NR_SCMP_ERROR && !is_allowed)
			r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, number, 0);
	}
	if (r == 0)
		r = never_add(filter, SCMP_ACT_KILL_PROCESS);
	return r < 0 ? r : confine_add_conditions(filter, role);
}

static int confine_load_filter(enum confine_role role, struct err *e)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = filter ? confine_fill_filter(filter, role) : -ENOMEM;

	/* A tree instead of a chain; an old libseccomp has only the chain. */
	if (r == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* It sets no_new_privs itself. */
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? err_sys(e, r, "loading the filter of system calls") : 0;
}

int confine_begin(struct err *e)
{
	return confine_keep_caps(confine_setup_caps, COUNT(confine_setup_caps), e);
}

int confine_finish(enum confine_role role, struct err *e)
{
	static const struct {
		const cap_value_t *caps;
		size_t count;
	} kept[CONFINE_ROLE_COUNT] = {
		[CONFINE_MONITOR] = {confine_monitor_caps, COUNT(confine_monitor_caps)},
		[CONFINE_CONNECTOR] = {confine_connector_caps, COUNT(confine_connector_caps)},
	};
	int r = confine_keep_caps(kept[role].caps, kept[role].count, e);

	return r < 0 ? r : confine_load_filter(role, e);
}
