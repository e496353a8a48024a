/* A root file system of nothing but a program: --isolated. */
#ifndef VMRUN_ISOLATED_H
#define VMRUN_ISOLATED_H

#include "lib/err.h"
#include "runtime/cmd/options.h"

/* Makes `dir` with copies of the program (a path, or a name of PATH's), its interpreter, the shared
 * libraries that it loads, and `files`, each at its path on the host. `ret_program` is the
 * program's path, owned by the caller. */
int isolated_make(const char *dir, const char *program, const struct option_list *files,
		  char **ret_program, struct err *e) VMRT_MUST_CHECK;

#endif
