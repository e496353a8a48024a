/* The container's processes from their clone to their execve. */
#ifndef VMRT_INIT_CHILD_H
#define VMRT_INIT_CHILD_H

#include "lib/guest.h"
#include "lib/proto.h"

/* Runs in the new process. Applies `c`, says over `status_fd` that it is ready or what failed,
 * waits for a byte on `go_fd`, executes the program. See container.h for what is said. */
_Noreturn void child_run(const struct guest_container *c, const int ends[PROTO_STREAM_COUNT],
			 int status_fd, int go_fd);

/* The same for an exec session's process: joins the namespaces of the container's own process,
 * whose pidfd it gets, applies `p`, executes the program at once. */
_Noreturn void child_run_exec(const struct guest_container *c, const struct guest_process *p,
			      int first_pidfd, const int ends[PROTO_STREAM_COUNT], int status_fd);

#endif
