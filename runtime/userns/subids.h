/* Subordinate ids of a user: what subuid(5) and subgid(5) let newuidmap(1) give to it. */
#ifndef VMRT_USERNS_SUBIDS_H
#define VMRT_USERNS_SUBIDS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SUBIDS_MAX 32

struct subids {
	size_t count;
	struct {
		uint32_t first;
		uint32_t count;
	} at[SUBIDS_MAX];
};

/* The ranges of `text`, in the file's format, that belong to the user of that name or number.
 * `name` may be NULL. The return value is the first id above everybody's ranges, for one more.
 * Pure. */
uint32_t subids_parse(const char *text, const char *name, uint32_t uid, struct subids *ret);

/* Of both files. Fails, with the command that mends it, if one of them has nothing for the user. */
int subids_read(const char *name, uint32_t uid, struct subids *ret_uids, struct subids *ret_gids,
		struct err *e) VMRT_MUST_CHECK;

#endif
