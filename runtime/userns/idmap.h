/* Giving a user's new namespace its ids: newuidmap(1) and newgidmap(1), which are root's. */
#ifndef VMRT_USERNS_IDMAP_H
#define VMRT_USERNS_IDMAP_H

#include <sys/types.h>

#include "lib/err.h"

/* Are both there? */
int idmap_find_programs(struct err *e) VMRT_MUST_CHECK;

/* Root inside is the caller, the ids from 1 on are the caller's subordinate ones. `pid` is in the
 * new namespace, the caller still in the old one. */
int idmap_write(pid_t pid, struct err *e) VMRT_MUST_CHECK;

#endif
