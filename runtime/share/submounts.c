/* Reading /proc/self/mountinfo for the mounts below a directory. Must not enter them. */
#include "runtime/share/submounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define SUBMOUNTS_TABLE_BYTES (4u << 20)

/* Blanks and backslashes are octal there. In place. */
static void submounts_unescape(char *path)
{
	char *to = path;

	for (const char *at = path; *at; to++) {
		unsigned int code;

		if (*at == '\\' && sscanf(at + 1, "%3o", &code) == 1) {
			*to = (char)code;
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

/* The mount point of a line, which is cut up; NULL if nothing is mounted there yet. */
static char *submounts_point(char *line)
{
	char *tail = strstr(line, " - ");
	char *save = NULL;
	char *word = NULL;

	if (!tail || !strncmp(tail + 3, "autofs ", 7))
		return NULL;
	*tail = '\0';
	for (int i = 0; i < 5; i++)
		word = strtok_r(i ? NULL : line, " ", &save);
	if (word)
		submounts_unescape(word);
	return word;
}

static int submounts_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int submounts_find(const char *directory, struct strv *ret)
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
		const char *point = submounts_point(line);

		if (point && ret->count < SUBMOUNTS_MAX && !strncmp(point, real, size) &&
		    point[size] == '/' && point[size + 1])
			strv_push(ret, point + size + 1);
	}
	/* A directory comes before what is in it. */
	if (ret->count)
		qsort(ret->at, ret->count, sizeof(*ret->at), submounts_compare);
	return 0;
}
