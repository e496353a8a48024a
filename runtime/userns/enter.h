/* How a user who is not root becomes root of a user namespace, with the ids that are his.
 *
 *   vmrt (user)  ── fork ──> helper, waits
 *     │ unshare(CLONE_NEWUSER)
 *     │ ── "made" ──────────> newuidmap, newgidmap of our pid      0 ─> the user
 *     │ <── a text, or end ── ends                                 1… ─> subordinate ids
 *     └ execve(vmrt, the same words): root of the namespace
 *
 * The process stays the same, and so do its parent, its terminal and its exit status. A container
 * that runs has a namespace already: its monitor's is entered instead. Must not know what vmrt does
 * there. */
#ifndef VMRT_USERNS_ENTER_H
#define VMRT_USERNS_ENTER_H

#include <stdbool.h>

#include "lib/err.h"

/* Would userns_enter_new() get as far as trying? One line with the command that mends it if not:
 * sysctls, AppArmor, programs, subordinate ids. Of a user who is not root. */
int userns_check(struct err *e) VMRT_MUST_CHECK;
/* The part of it that is the same for every user. */
int userns_check_host(struct err *e) VMRT_MUST_CHECK;

/* Both return only on failure. */
int userns_enter_new(char **argv, struct err *e) VMRT_MUST_CHECK;
int userns_enter_of(int pidfd, char **argv, struct err *e) VMRT_MUST_CHECK;

/* Is this the process that they have made? Then the caller's ids are those outside. */
bool userns_was_entered(void);

#endif
