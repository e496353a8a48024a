/* Making the container's processes: the only place that forks. */
#ifndef VMRT_INIT_CONTAINER_H
#define VMRT_INIT_CONTAINER_H

#include <sys/types.h>

#include "lib/err.h"
#include "lib/guest.h"
#include "lib/proto.h"

/* What the process says over its status socket, a packet each: one byte, with FAILED followed by a
 * text, with TERMINAL the master of its pty alongside. Its end without FAILED after START is a
 * successful execve (the socket is CLOEXEC) or the process's death. */
#define CONTAINER_STATUS_READY	  'R'
#define CONTAINER_STATUS_FAILED	  'F'
#define CONTAINER_STATUS_TERMINAL 'T'

struct container_process {
	pid_t pid;     /* in the machine's pid namespace */
	int pidfd;     /* of the container's own process: exec sessions join it; else -1 */
	int cgroup_fd; /* likewise; -1: it has no cgroup */
	int status_fd; /* our end, non-blocking */
	int go_fd;     /* write end: one byte starts the program; -1 for exec sessions */
};

#define CONTAINER_PROCESS_NONE                                                                     \
	{                                                                                          \
		.pid = -1, .pidfd = -1, .cgroup_fd = -1, .status_fd = -1, .go_fd = -1              \
	}

/* Clones the process, which applies `c` and parks before its execve. `ends` are its stdio, -1 for
 * /dev/null. The caller owns the descriptors in `ret`. */
int container_spawn(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
		    struct container_process *ret, struct err *e) VMRT_MUST_CHECK;

/* Clones one more process into the container whose own process is `first`; it executes `p`, or
 * does its builtin work, without waiting for anything. */
int container_spawn_exec(const struct guest_container *c, const struct container_process *first,
			 const struct guest_process *p, const int ends[PROTO_STREAM_COUNT],
			 struct container_process *ret, struct err *e) VMRT_MUST_CHECK;

#endif
