/* The host process of one container: PID 1 of its own pid namespace, parent of QEMU and virtiofsd,
 * relay of the container's stdio. Its pid is "the container's pid", its end is the container's end
 * and its exit status the container's. */
#ifndef VMRT_MONITOR_H
#define VMRT_MONITOR_H

#include "runtime/cgroup/host.h"
#include "runtime/plan/plan.h"
#include "runtime/sandbox/ids.h"
#include "runtime/template/store.h"
#include "runtime/tty/tty.h"
#include "runtime/vm/facts.h"

/* Exit status of a monitor whose VM died under the container. */
#define MONITOR_EXIT_BROKEN 255

/* Everything the monitor needs, prepared by `create` before the fork: it only inherits. */
struct monitor_start {
	const struct plan *plan;
	const struct settings *settings;
	const struct host_facts *facts;
	enum vm_accel accel;
	const struct cgroup_host *cgroup; /* made, with its limits: to be entered */
	const char *qemu;		  /* absolute path */
	const char *id;
	const char *state_dir; /* absolute path, for the share's mount point */
	int state_dirfd;
	int listen_fd; /* ctl.sock */
	int sync_fd;   /* the creating command's end of a SOCK_SEQPACKET pair is the other one */
	int log_fd;    /* the container's log */
	int netns_fd;  /* where the user-mode network is, if not in the container's namespace; -1 */
	int gdb_fd;    /* listening socket for debuggers of the guest's kernel; -1: none */
	int console_log_fd;	    /* gets what the guest's kernel says; -1: nothing does */
	const char *initramfs;	    /* absolute path */
	struct image *image;	    /* that the root is on, for QEMU alone; NULL: none */
	int notify_fd;		    /* connected to who wants service notifications; -1: nobody */
	struct ids_lease qemu_id;   /* its user and group */
	int share_userns_fd;	    /* virtiofsd's user namespace; -1: the monitor's */
	struct store_template from; /* what the machine begins from; fd -1: it boots */
	char *from_key;		    /* owned by `create` */
	int stdio[3];
	int tty_fd; /* whose size is the container's terminal's; -1: none */
	/* The caller's own terminal, which it has made raw and stays for: when it is gone the
	 * terminal is given back, and hung up for the container. */
	const struct tty_raw *raw; /* fd -1: there is none */
	int caller_pidfd;	   /* -1 without such a terminal */
	bool owns_tty;		   /* a pty of the engine's: it becomes our controlling terminal */
	bool is_foreground; /* `run` in the foreground: messages may go on using its stderr */
};

/* Runs in the new process until the container has ended; returns the exit status. `arg` is a
 * struct monitor_start. */
int monitor_run(void *arg);

#endif
