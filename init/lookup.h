/* Finding the container's program. */
#ifndef VMRT_INIT_LOOKUP_H
#define VMRT_INIT_LOOKUP_H

#include <limits.h>

#include "init/environ.h"
#include "lib/err.h"

#define LOOKUP_PATH_BYTES PATH_MAX

/* Writes the path to execute. With the process's root, working directory and rights as they will
 * be. The texts are those of Go's exec.LookPath, which engines turn into 127 and 126. */
int lookup_program(const char *name, const struct environ *env, char path[LOOKUP_PATH_BYTES],
		   struct err *e) VMRT_MUST_CHECK;

#endif
