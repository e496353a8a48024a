/* Where run-time files are kept: root's in /run, a user's in a private directory of the user's.
 *
 *   root of the host, or of a machine's own user namespace      /run
 *   a user, and root of a user's namespace                      $XDG_RUNTIME_DIR, else
 *                                                               /run/user/UID, else /tmp/vmrt-UID
 *
 * The answer is found once and kept. Must not put anything there. */
#ifndef VMRT_USERNS_RUNDIR_H
#define VMRT_USERNS_RUNDIR_H

#include <stdbool.h>

#include "lib/err.h"

/* Is the caller root of the host, or of a machine? */
bool rundir_is_systems(void);
const char *rundir_base(void);
const char *rundir_state(void); /* <base>/vmrt: of containers; the default of --root */
const char *rundir_host(void);	/* <base>/vmrt-host: what lives as long as the host runs */

/* Refuses one that somebody else could put something into. */
int rundir_check(struct err *e) VMRT_MUST_CHECK;
/* The same, and makes the one in /tmp if it is the one, and locks it against cleaners. */
int rundir_prepare(struct err *e) VMRT_MUST_CHECK;
/* Locked as long as it is open in this process or one that it forks; -1: there is no lock. */
int rundir_lock_fd(void);

#endif
