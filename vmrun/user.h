/* Whose process the command is. */
#ifndef VMRUN_USER_H
#define VMRUN_USER_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

struct user {
	uid_t uid;
	gid_t gid;
	size_t group_count;
	gid_t *groups; /* owned, as are the strings */
	char *name;    /* NULL: nobody knows the uid; so with the next two */
	char *home;
	char *shell;
};

/* `wanted` is docker's UID|NAME[:GID|GROUP], or NULL for the caller. Names are looked up in `root`:
 * through the name service where it is "/", else in its etc/passwd and etc/group. Free with
 * user_done(). */
int user_find(const char *wanted, const char *root, struct user *ret,
	      struct err *e) VMRT_MUST_CHECK;
void user_done(struct user *u);

#endif
