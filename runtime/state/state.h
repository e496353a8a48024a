/* Containers on disk: <root>/<id>/, made by `create`, removed by `delete`.
 *
 *   state.json    who the container is; written last by `create`, by rename: without it the
 *                 container does not exist for anybody but `delete --force`
 *   monitor.pid   "PID STARTTIME" of the monitor, written as soon as it runs
 *   config.json   the bundle's, as it was at create: the bundle may be gone at delete
 *   started       made by the monitor when the process runs
 *   paused        made by the monitor while the VM stands still
 *   ctl.sock, ports/ (named pipes), share/, log
 *
 * Must not start, stop or ask anything: the status comes from the monitor's pid and start time
 * alone, so that it is right for a dead or stuck monitor too. */
#ifndef VMRT_STATE_H
#define VMRT_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "runtime/oci/json_write.h"

enum state_status {
	STATE_CREATING,
	STATE_CREATED,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPED,
	STATE_STATUS_COUNT
};

/* What `update` has to know of the VM, which stays as it was made. */
struct state_vm {
	uint32_t memory_mib;
	uint32_t vcpus;
	uint32_t host_mib; /* what QEMU and the helpers may need beside the VM's memory */
};

struct state {
	char *id;
	char *bundle;
	char *rootfs;
	char *created; /* RFC 3339, UTC, nanoseconds */
	char *oci_version;
	uid_t owner;
	pid_t pid;	     /* monitor's, in the host's pid namespace */
	uint64_t start_time; /* field 22 of its /proc/PID/stat: guards against a reused pid */
	size_t annotation_count;
	char **annotation_keys;
	char **annotation_values;
	struct state_vm vm;
	enum state_status status;
};

void state_done(struct state *s);
const char *state_status_name(enum state_status status);

/* runc's rule: letters, digits, `_`, `+`, `-`, `.`, not `.` or `..`; at most 255 bytes here. */
int state_check_id(const char *id, struct err *e) VMRT_MUST_CHECK;

/* Opens the directory of the state directories; with `want_create`, makes it (0700) and its
 * parents. -ENOENT without it when it does not exist. */
int state_open_root(const char *root, bool want_create, struct err *e) VMRT_MUST_CHECK;
/* Makes a container's directory. "container with given ID already exists". */
int state_create(int root_dirfd, const char *id, struct err *e) VMRT_MUST_CHECK;
/* "container does not exist" when there is none, or one that is not complete. */
int state_open(int root_dirfd, const char *id, struct err *e) VMRT_MUST_CHECK;
/* Removes a container's directory with all that is in it; never follows a link. 0 or -errno. */
int state_remove(int root_dirfd, const char *id);

int state_write_monitor(int state_dirfd, pid_t pid, struct err *e) VMRT_MUST_CHECK;
/* A pidfd of the monitor, or -ESRCH when it is gone (or its pid is another process's by now).
 * `ret_pid` may be NULL. */
int state_open_monitor(int state_dirfd, pid_t *ret_pid);
int state_mark_started(int state_dirfd);
void state_mark_paused(int state_dirfd, bool is_paused);
int state_write(int state_dirfd, const struct state *s, struct err *e) VMRT_MUST_CHECK;
/* Reads state.json and finds out the status. */
int state_read(int state_dirfd, struct state *ret, struct err *e) VMRT_MUST_CHECK;

/* Start time of a process; 0 when it is gone or a zombie. */
uint64_t state_process_start(pid_t pid);

/* runc's JSON of a state: for `state` and `list` (with rootfs, created, owner), and for hooks. */
struct state_format {
	bool want_details;
	bool want_vm;	   /* for state.json alone */
	const char *owner; /* "" for `state`, the user's name for `list` */
};
void state_put(struct json_out *out, const struct state *s, const struct state_format *format);

#endif
