/* The user namespace that the caller is in: which ids it has, and which of them can be QEMU's.
 *
 * A user's container lives in a namespace of the user's: root there is the user on the host, the
 * other ids are the user's subordinate ones, and every id that is not mapped is nobody's. Must not
 * make or enter one: see enter.h. */
#ifndef VMRT_USERNS_H
#define VMRT_USERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/sandbox/ids.h"

/* The kernel's limit of lines in a map. */
#define USERNS_EXTENT_MAX 340

struct userns_extent {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct userns_map {
	size_t count;
	struct userns_extent at[USERNS_EXTENT_MAX];
};

struct userns {
	struct userns_map uids;
	struct userns_map gids;
};

/* Takes the text of a uid_map or gid_map apart; lines that are none are left out. Pure. */
void userns_parse_map(const char *text, struct userns_map *ret);

/* Of this process. */
int userns_read(struct userns *ret, struct err *e) VMRT_MUST_CHECK;

/* Does the caller share the host's user namespace? True when it cannot be told. */
bool userns_is_initial(void);

/* The id outside of one inside; `otherwise` when it is not mapped. Pure. */
uint32_t userns_outside(const struct userns_map *map, uint32_t inside, uint32_t otherwise);

/* Are all of them mapped, as users and as groups? Pure. */
bool userns_has(const struct userns *ns, uint32_t first, uint32_t count);

/* A range of ids for QEMU: `wanted` (NULL: none) where the namespace has it, else the topmost ids
 * that it has, at most half of a range, which no distribution's users have. Never root or nobody.
 * Pure. */
int userns_choose_ids(const struct userns *ns, const struct ids_range *wanted,
		      struct ids_range *ret, struct err *e) VMRT_MUST_CHECK;

#endif
