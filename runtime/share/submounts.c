/* Reading /proc/self/mountinfo for the mounts below a directory. Must not enter them. */
#include "runtime/share/submounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/mountinfo.h"

#define SUBMOUNTS_TABLE_BYTES (4u << 20)

static int submounts_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int submounts_find(const char *directory, size_t most, struct strv *ret)
{
	auto_free char *real = realpath(directory, NULL);
	auto_free char *table = NULL;
	char *save = NULL;
	size_t size;
	int r;

	if (!real)
		return -errno;
	r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", SUBMOUNTS_TABLE_BYTES, &table, NULL);
	if (r < 0)
		return r;
	size = strcmp(real, "/") ? strlen(real) : 0;
	for (char *line = strtok_r(table, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct mountinfo m;

		/* autofs: nothing is mounted there yet */
		if (mountinfo_parse(line, &m) && strcmp(m.type, "autofs") != 0 &&
		    ret->count < most && !strncmp(m.point, real, size) && m.point[size] == '/' &&
		    m.point[size + 1])
			strv_push(ret, m.point + size + 1);
	}
	/* A directory comes before what is in it. */
	if (ret->count)
		qsort(ret->at, ret->count, sizeof(*ret->at), submounts_compare);
	return 0;
}
