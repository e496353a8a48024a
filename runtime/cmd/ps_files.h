/* The files of GUEST_BUILTIN_PROCESSES, which the guest has made: each has the form that a kernel
 * gives it, or is refused. */
#ifndef VMRT_CMD_PS_FILES_H
#define VMRT_CMD_PS_FILES_H

#include <stdbool.h>

#include "runtime/cmd/guest_query.h"

#define PS_FILES_LINE_BYTES 128

/* Of "12/stat" or "12/task/34/status" the last word; NULL for every other name. */
const char *ps_files_leaf(const char *name);
/* Is it a file of a process with that last word, as a kernel writes it? */
bool ps_files_is_right(const struct guest_file *f, const char *leaf);
/* A file about the machine: what ps wants of it, and nothing else. False for any other. */
bool ps_files_machine(const struct guest_file *f, char line[PS_FILES_LINE_BYTES]);

#endif
