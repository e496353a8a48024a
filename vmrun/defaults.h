/* Options that are always meant: of the project, of the environment. */
#ifndef VMRUN_DEFAULTS_H
#define VMRUN_DEFAULTS_H

#include "lib/err.h"
#include "runtime/proc/strv.h"

#define DEFAULTS_FILE	  ".vmrun-args"
#define DEFAULTS_VARIABLE "VMRUN_ARGS"

/* Appends the lines of the current directory's .vmrun-args (each one word, as it is; empty lines
 * and those that begin with '#' are not), then the words of $VMRUN_ARGS, split at white space. */
int defaults_read(struct strv *ret, struct err *e) VMRT_MUST_CHECK;

#endif
