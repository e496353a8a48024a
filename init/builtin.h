/* Work that init does in a child of its own in place of a program: answers to the host's questions
 * about the container. */
#ifndef VMRT_INIT_BUILTIN_H
#define VMRT_INIT_BUILTIN_H

#include "lib/guest.h"
#include "lib/proto.h"

/* In the child, which was born in the container's pid namespace, but outside its cgroup and with
 * init's mounts. The answer goes to stdout: for each file a string (its name), u32 size, bytes; the
 * answer of UPDATE is a text that says what failed. Exits 0, or 1 when it is not complete. */
_Noreturn void builtin_run(const struct guest_process *p, const int ends[PROTO_STREAM_COUNT],
			   int status_fd);

#endif
