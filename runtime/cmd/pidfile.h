/* --pid-file, as engines read it. */
#ifndef VMRT_CMD_PIDFILE_H
#define VMRT_CMD_PIDFILE_H

#include <sys/types.h>

#include "lib/err.h"

/* Decimal digits and nothing else (docker's parser takes no newline), by rename. `path` may be
 * NULL: nothing to do. */
int pid_file_write(const char *path, pid_t pid, struct err *e) VMRT_MUST_CHECK;

#endif
