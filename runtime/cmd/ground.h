/* Where a command of a user who is not root has to be to do its work. */
#ifndef VMRT_CMD_GROUND_H
#define VMRT_CMD_GROUND_H

#include "runtime/cmd/cmd.h"

/* Goes there: into a new user namespace, or that of the container, by executing vmrt anew with
 * `argv`, the words as they came. Root is where it has to be. Returns 0 if nothing is to be done.
 */
int ground_reach(const struct cmd *c, const struct cmd_verb *verb, char **argv,
		 struct err *e) VMRT_MUST_CHECK;

#endif
