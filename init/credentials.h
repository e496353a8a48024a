/* The user, groups and capabilities of the container's process. Three steps, in this order; between
 * the first and the second the process is still root, but with the final bounding set. */
#ifndef VMRT_INIT_CREDENTIALS_H
#define VMRT_INIT_CREDENTIALS_H

#include "lib/err.h"
#include "lib/guest.h"

/* Drops from the bounding set; makes the coming change of user keep the permitted set. */
int credentials_begin(const struct guest_process *p, struct err *e) VMRT_MUST_CHECK;

/* Groups, gid, uid. */
int credentials_set_user(const struct guest_process *p, struct err *e) VMRT_MUST_CHECK;

/* The effective, permitted, inheritable and ambient sets. */
int credentials_finish(const struct guest_process *p, struct err *e) VMRT_MUST_CHECK;

#endif
