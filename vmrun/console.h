/* The console of a machine as a program's output: followed while vmrt writes it to a file. */
#ifndef VMRUN_CONSOLE_H
#define VMRUN_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct console {
	int fd;	       /* of the file */
	int notify_fd; /* readable when it has grown */
	char *line;    /* what has no end yet */
	size_t size;
	size_t room;
	int told;	/* the status that the program has told; -1: none */
	bool has_ended; /* the kernel has begun to speak of the program's end */
	bool is_halted; /* without QEMU knowing it: nothing will come any more */
};

/* Makes the file. Free with console_done(), which accepts what failed. */
int console_open(struct console *c, const char *path, struct err *e) VMRT_MUST_CHECK;
/* Writes what is new to standard output, whole lines; with `is_last` all that is left. */
void console_follow(struct console *c, bool is_last);
void console_done(struct console *c);

#endif
