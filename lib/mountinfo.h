/* Lines of /proc/PID/mountinfo, proc(5). Must not open it: who reads knows how much to take. */
#ifndef VMRT_LIB_MOUNTINFO_H
#define VMRT_LIB_MOUNTINFO_H

#include <stdbool.h>

struct mountinfo {
	const char *point; /* with its blanks and backslashes */
	const char *type;
};

/* Takes a line without its newline apart, in place: `ret` points into it. False: it is none. */
bool mountinfo_parse(char *line, struct mountinfo *ret);

#endif
