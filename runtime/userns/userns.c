/* Reading and searching id maps. Must not change anything. */
#include "runtime/userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define USERNS_MAP_BYTES (64u << 10)
#define USERNS_NOBODY	 65534u
/* As many VMs of a user at a time. */
#define USERNS_QEMU_IDS 1024u

void userns_parse_map(const char *text, struct userns_map *ret)
{
	ret->count = 0;
	while (*text && ret->count < USERNS_EXTENT_MAX) {
		struct userns_extent *x = &ret->at[ret->count];
		size_t size = strcspn(text, "\n");

		if (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu32, &x->inside, &x->outside,
			   &x->count) == 3 &&
		    x->count)
			ret->count++;
		text += size + (text[size] == '\n');
	}
}

static int userns_read_map(const char *path, struct userns_map *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = fd_read_file(AT_FDCWD, path, USERNS_MAP_BYTES, &text, NULL);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", path);
	userns_parse_map(text, ret);
	return 0;
}

int userns_read(struct userns *ret, struct err *e)
{
	int r = userns_read_map("/proc/self/uid_map", &ret->uids, e);

	return r < 0 ? r : userns_read_map("/proc/self/gid_map", &ret->gids, e);
}

bool userns_is_initial(void)
{
	auto_free struct userns *ns = xcalloc(1, sizeof(*ns));
	const struct userns_extent *first = &ns->uids.at[0];
	struct err e;

	return userns_read(ns, &e) < 0 || (ns->uids.count == 1 && first->inside == 0 &&
					   first->outside == 0 && first->count == UINT32_MAX);
}

static const struct userns_extent *userns_find(const struct userns_map *map, uint32_t inside)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct userns_extent *x = &map->at[i];

		if (inside >= x->inside && inside - x->inside < x->count)
			return x;
	}
	return NULL;
}

uint32_t userns_outside(const struct userns_map *map, uint32_t inside, uint32_t otherwise)
{
	const struct userns_extent *x = userns_find(map, inside);

	return x ? x->outside + (inside - x->inside) : otherwise;
}

static bool userns_map_has(const struct userns_map *map, uint32_t first, uint32_t count)
{
	while (count) {
		const struct userns_extent *x = userns_find(map, first);
		uint32_t here;

		if (!x)
			return false;
		here = x->count - (first - x->inside);
		if (here >= count)
			return true;
		first += here;
		count -= here;
	}
	return true;
}

bool userns_has(const struct userns *ns, uint32_t first, uint32_t count)
{
	return userns_map_has(&ns->uids, first, count) && userns_map_has(&ns->gids, first, count);
}

/* Cuts first..last to what may be QEMU's: no more than half, as the others are for files and the
 * container's users. False: nothing is left. */
static bool userns_cut(uint64_t *first, uint64_t *last)
{
	uint64_t count;

	if (*first == 0)
		*first = 1;
	/* Whose files are nobody's, its processes should not be. */
	if (*first == USERNS_NOBODY)
		(*first)++;
	else if (*first < USERNS_NOBODY && *last >= USERNS_NOBODY)
		*last = USERNS_NOBODY - 1;
	if (*last >= UINT32_MAX)
		*last = UINT32_MAX - 1;
	if (*first > *last)
		return false;
	count = (*last - *first + 1) / 2;
	count = !count ? 1 : count > USERNS_QEMU_IDS ? USERNS_QEMU_IDS : count;
	*first = *last - count + 1;
	return true;
}

int userns_choose_ids(const struct userns *ns, const struct ids_range *wanted,
		      struct ids_range *ret, struct err *e)
{
	uint64_t best = 0;

	if (wanted && userns_has(ns, wanted->first, wanted->count)) {
		*ret = *wanted;
		return 0;
	}
	for (size_t u = 0; u < ns->uids.count; u++) {
		for (size_t g = 0; g < ns->gids.count; g++) {
			const struct userns_extent *a = &ns->uids.at[u];
			const struct userns_extent *b = &ns->gids.at[g];
			uint64_t first = a->inside > b->inside ? a->inside : b->inside;
			uint64_t a_end = (uint64_t)a->inside + a->count;
			uint64_t b_end = (uint64_t)b->inside + b->count;
			uint64_t last = (a_end < b_end ? a_end : b_end) - 1;

			if (first > last || !userns_cut(&first, &last) || last <= best)
				continue;
			best = last;
			*ret = (struct ids_range){(unsigned int)first,
						  (unsigned int)(last - first + 1)};
		}
	}
	if (best)
		return 0;
	return err_set(e, -EPERM,
		       "this user namespace has no id that can be QEMU's own (/proc/self/uid_map, "
		       "gid_map): give the user subordinate ids (usermod --add-subuids, "
		       "--add-subgids)");
}
