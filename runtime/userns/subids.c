/* Reading /etc/subuid and /etc/subgid. Must not give anybody ids. */
#include "runtime/userns/subids.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define SUBIDS_FILE_BYTES (4u << 20)
/* What useradd(8) begins with, and gives to each. */
#define SUBIDS_FIRST 100000u
#define SUBIDS_COUNT 65536u

static bool subids_is_users(const char *line, size_t size, const char *name, uint32_t uid)
{
	char number[16];
	int n = snprintf(number, sizeof(number), "%" PRIu32, uid);

	return (name && strlen(name) == size && !strncmp(line, name, size)) ||
	       ((size_t)n == size && !strncmp(line, number, size));
}

uint32_t subids_parse(const char *text, const char *name, uint32_t uid, struct subids *ret)
{
	uint32_t next = SUBIDS_FIRST;

	ret->count = 0;
	while (*text) {
		size_t size = strcspn(text, "\n");
		size_t owner = strcspn(text, ":\n");
		uint32_t first;
		uint32_t count;

		if (owner < size &&
		    sscanf(text + owner, ":%" SCNu32 ":%" SCNu32, &first, &count) == 2 && count &&
		    first <= UINT32_MAX - count) {
			if (first + count > next)
				next = first + count;
			if (ret->count < SUBIDS_MAX && subids_is_users(text, owner, name, uid)) {
				ret->at[ret->count].first = first;
				ret->at[ret->count++].count = count;
			}
		}
		text += size + (text[size] == '\n');
	}
	return next;
}

static uint32_t subids_read_file(const char *path, const char *name, uint32_t uid,
				 struct subids *ret)
{
	auto_free char *text = NULL;

	ret->count = 0;
	/* Without the file nobody has any. */
	if (fd_read_file(AT_FDCWD, path, SUBIDS_FILE_BYTES, &text, NULL) < 0)
		return SUBIDS_FIRST;
	return subids_parse(text, name, uid, ret);
}

int subids_read(const char *name, uint32_t uid, struct subids *ret_uids, struct subids *ret_gids,
		struct err *e)
{
	uint32_t next = subids_read_file("/etc/subuid", name, uid, ret_uids);
	uint32_t next_gid = subids_read_file("/etc/subgid", name, uid, ret_gids);

	if (ret_uids->count && ret_gids->count)
		return 0;
	if (next_gid > next)
		next = next_gid;
	if (!name)
		return err_set(e, -ESRCH,
			       "the user %" PRIu32 " has no name (/etc/passwd), and so "
			       "no subordinate ids",
			       uid);
	return err_set(e, -EPERM,
		       "the user '%s' has no subordinate ids in %s: usermod --add-subuids "
		       "%" PRIu32 "-%" PRIu32 " --add-subgids %" PRIu32 "-%" PRIu32 " %s",
		       name, ret_uids->count ? "/etc/subgid" : "/etc/subuid", next,
		       next + SUBIDS_COUNT - 1, next, next + SUBIDS_COUNT - 1, name);
}
