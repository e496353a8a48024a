/* When the phases of the boot ended: for one LOG debug line, shown by `vmrt --debug`. */
#ifndef VMRT_INIT_MARKS_H
#define VMRT_INIT_MARKS_H

#include <stddef.h>

/* Before the first mark; the page is shared with the container's process until its execve. */
void marks_init(void);

/* Notes that `name` (a literal) is done now. What does not fit into the table is left out. */
void marks_add(const char *name);

/* Forgets those of the boot: the machine is another one. */
void marks_restart(void);

/* "name us, name us, ...", cut to fit. */
void marks_format(char *text, size_t room);

#endif
