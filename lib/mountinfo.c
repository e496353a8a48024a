/* Lines of /proc/PID/mountinfo. */
#include "lib/mountinfo.h"

#include <string.h>

#define MOUNTINFO_POINT 5 /* id, parent, major:minor, root, mount point */

/* Blanks, tabs, newlines and backslashes stand as \ooo. In place. */
static void mountinfo_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] & 3) << 6 | (from[2] & 7) << 3 | (from[3] & 7));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

bool mountinfo_parse(char *line, struct mountinfo *ret)
{
	/* Optional fields stand before the lone dash. */
	char *type = strstr(line, " - ");
	char *save = NULL;
	char *point = NULL;

	if (!type)
		return false;
	*type = '\0';
	type += strlen(" - ");
	type[strcspn(type, " ")] = '\0';
	for (int i = 0; i < MOUNTINFO_POINT; i++)
		point = strtok_r(i ? NULL : line, " ", &save);
	if (!point)
		return false;
	mountinfo_unescape(point);
	*ret = (struct mountinfo){.point = point, .type = type};
	return true;
}
