/* Starting processes: the only place of the runtime that forks.
 *
 *   caller                                   child
 *     |  everything prepared                   |
 *     |  all signals blocked, clone3 --------> |  namespaces, descriptors, sandbox, signals
 *     |  <------- {stage, errno} (CLOEXEC) --- |  only when a step failed
 *     |  <------- end of file ---------------- |  execve succeeded
 *
 * Between clone and exec the child makes system calls only: no malloc, no stdio, no locks. */
#ifndef VMRT_PROC_SPAWN_H
#define VMRT_PROC_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

struct sandbox;
struct jail;

struct spawn_fd {
	int from; /* descriptor of the caller */
	int to;	  /* its number in the program */
};

struct spawn {
	const char *name; /* for messages: "qemu", "virtiofsd" */
	const char *path; /* absolute; PATH is never looked at */
	char *const *argv;
	char *const *envp;	    /* NULL: empty environment */
	const char *cwd;	    /* NULL: "/" */
	const struct spawn_fd *fds; /* every other descriptor is closed; 0, 1, 2 that are not
				       named here become /dev/null */
	size_t fd_count;
	bool want_new_mount_ns;	 /* every mount a slave: unmounts on the host still arrive, so
				    that no host file system is pinned; nothing travels back */
	const struct jail *jail; /* with want_new_mount_ns: the root it gets; NULL: the caller's */
	bool want_new_net_ns;	 /* empty one, loopback down */
	bool want_new_ipc_ns;
	const int *userns_fd;	       /* becomes root of this user namespace, when the mounts are
					  done; NULL: the caller's */
	const struct sandbox *sandbox; /* NULL: none */
	int death_signal;	       /* sent when the caller dies; 0: none */
	bool is_not_of_group; /* signals that ask a whole group to end (a terminal's, or systemd's
				 when it stops a scope) are blocked: the caller ends it */
};

/* The most entries of `fds`. */
#define SPAWN_FD_MAX 64

/* Starts a program and waits until execve has succeeded or failed (never longer: the program
 * itself is not waited for). The child starts in `cwd` with default signal dispositions and, but
 * for is_not_of_group, an empty mask. A child that failed has been reaped. `ret_pidfd` (CLOEXEC)
 * may be NULL. */
int spawn_start(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd,
		struct err *e) VMRT_MUST_CHECK;

/* Forks the caller itself with clone3(clone_flags, CLONE_PIDFD): the child runs run(arg) and
 * _exit()s with its value; it is a direct child of the caller, which may exit: then the child is
 * re-parented to the nearest subreaper. The child keeps every descriptor; its signal mask and
 * dispositions are the caller's. With CLONE_NEWPID it is PID 1: signals without a handler are
 * ignored there, and its end kills everything it started.
 * `clone_flags`: CLONE_NEWPID, NEWNS, NEWNET, NEWIPC, NEWCGROUP, NEWUTS, NEWUSER or 0, no others.
 */
int spawn_monitor(unsigned long clone_flags, int (*run)(void *), void *arg, pid_t *ret_pid,
		  int *ret_pidfd, struct err *e) VMRT_MUST_CHECK;

/* Waits for the child behind `pidfd` for at most `timeout_ms` (-1: for ever, 0: only looks) and
 * reaps it. 0 with the wait status, -ETIMEDOUT, or another -errno. */
int spawn_wait(int pidfd, int timeout_ms, int *ret_status) VMRT_MUST_CHECK;

/* SIGKILL through the pidfd, then reaps. For abandoning a child; never fails, waits at most one
 * second (a process that hangs in the kernel is left to whoever reaps for us). Closes *pidfd. */
void spawn_kill(int *pidfd);

#endif
