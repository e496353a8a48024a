/* The process's command line, in place. Must not need a privilege: prctl(PR_SET_MM) does.
 *
 * The kernel shows the bytes of the argument area, and when the last of them is no NUL, goes on
 * into the environment behind it up to the first NUL. */
#include "runtime/proc/title.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"

static char *title_start;
static size_t title_argument_bytes;
static size_t title_room;

void title_init(int argc, char **argv)
{
	char *end;

	if (argc < 1 || !argv[0])
		return;
	title_start = argv[0];
	end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	title_argument_bytes = (size_t)(end - title_start);
	for (char **e = environ; e && *e; e++) {
		if (*e == end)
			end += strlen(end) + 1;
	}
	title_room = (size_t)(end - title_start);
	for (int i = 0; i < argc; i++)
		argv[i] = xstrdup(argv[i]);
}

/* Joins as much of `args` as `room` takes, behind each other. */
static size_t title_join(char *to, size_t room, const char *const *args, size_t count,
			 char separator)
{
	size_t used = 0;

	for (size_t i = 0; i < count && used + 1 < room; i++) {
		size_t size = strnlen(args[i], room - used - 1);

		memcpy(to + used, args[i], size);
		used += size;
		to[used++] = separator;
	}
	return used;
}

void title_set(const char *const *args, size_t count)
{
	auto_free char *text = NULL;
	size_t wanted = 1;
	size_t used;
	char separator = '\0';

	if (!title_start)
		return;
	for (size_t i = 0; i < count; i++)
		wanted += strlen(args[i]) + 1;
	/* Too long for the arguments' area: what goes on must have no NUL inside. */
	if (wanted > title_argument_bytes)
		separator = ' ';
	text = xmalloc(title_room);
	used = title_join(text, title_room, args, count, separator);
	clearenv();
	memset(title_start, 0, title_room);
	memcpy(title_start, text, used);
	title_start[used ? used - 1 : 0] = '\0';
}
