/* Running the hooks of config.json on the host, in the runtime's namespaces (config.md, "POSIX-
 * platform Hooks"): state JSON on stdin, own argv[0], env, timeout.
 *
 * Which hooks run when is the commands' business. */
#ifndef VMRT_HOOK_H
#define VMRT_HOOK_H

#include "runtime/oci/config.h"
#include "runtime/state/state.h"

/* Runs the hooks of one kind in order, each to its end. Stops at the first that fails; the text
 * then has its number, how it ended and what it wrote to stderr. After the container's end there
 * is nothing to stop: a poststop hook that fails is a line in the log, and 0. `s` has the status
 * that the hooks shall see. */
int hook_run_all(const struct oci_config *config, enum oci_hook_kind kind, const struct state *s,
		 struct err *e) VMRT_MUST_CHECK;

/* What a hook reads from its standard input. Owned by the caller. */
char *hook_state_text(const struct state *s);

#endif
