/* Making the container's process: the only place that forks. */
#ifndef VMRT_INIT_CONTAINER_H
#define VMRT_INIT_CONTAINER_H

#include <sys/types.h>

#include "lib/err.h"
#include "lib/guest.h"
#include "lib/proto.h"

/* What the process says over its status pipe: one byte, with FAILED followed by a text. Its end
 * without FAILED after START is a successful execve (the pipe is CLOEXEC) or the process's death.
 */
#define CONTAINER_STATUS_READY	'R'
#define CONTAINER_STATUS_FAILED 'F'

struct container_process {
	pid_t pid;     /* in the machine's pid namespace */
	int status_fd; /* read end, non-blocking */
	int go_fd;     /* write end: one byte starts the program */
};

/* Clones the process, which applies `c` and parks before its execve. `ends` are its stdio, -1 for
 * /dev/null. The caller owns the descriptors in `ret`. */
int container_spawn(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
		    struct container_process *ret, struct err *e) VMRT_MUST_CHECK;

#endif
