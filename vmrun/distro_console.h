/* What a machine says on its serial line: kept for the error message, copied to --console's file.
 */
#ifndef VMRUN_DISTRO_CONSOLE_H
#define VMRUN_DISTRO_CONSOLE_H

#include <stddef.h>

#include "lib/err.h"

#define DISTRO_CONSOLE_BYTES (16u << 10)

struct distro_console {
	int fd; /* of --console's file; -1: none */
	char text[DISTRO_CONSOLE_BYTES + 1];
	size_t size;
};

/* `path` NULL: nothing is written. */
int distro_console_open(struct distro_console *c, const char *path, struct err *e) VMRT_MUST_CHECK;
void distro_console_read(struct distro_console *c, int from);
/* The last lines, on standard error. */
void distro_console_show(struct distro_console *c);
void distro_console_close(struct distro_console *c);

#endif
