/* Questions that the guest's init answers itself: its processes, its usage, a change of its limits.
 *
 * A question is an exec session without a program (enum guest_builtin) and without a host process
 * of its own: the command is the session's client. What comes back is the guest's, and hostile. */
#ifndef VMRT_CMD_GUEST_QUERY_H
#define VMRT_CMD_GUEST_QUERY_H

#include "lib/guest.h"
#include "runtime/cmd/container.h"

/* Asks, and waits for the answer: the caller frees *ret_text, behind which there is a NUL. Fails
 * for a container that is stopped or paused, a guest that says too much or nothing, and with the
 * guest's own words when its work failed. `words` follow the first of the process: may be NULL. */
int guest_query(const struct container *k, enum guest_builtin builtin,
		const struct guest_list *words, char **ret_text, size_t *ret_size,
		struct err *e) VMRT_MUST_CHECK;

/* A file of an answer. */
struct guest_file {
	const char *name;
	const char *data; /* not terminated */
	size_t size;
};

/* Takes the next file off an answer. False at its end, or where it is malformed: then `in` is bad.
 */
bool guest_query_next(struct wire_in *in, struct guest_file *ret);

#endif
