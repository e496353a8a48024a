/* What a program's file says about how it is to be started. */
#ifndef VMRUN_ELF_H
#define VMRUN_ELF_H

#include <stdbool.h>

#include "lib/err.h"

/* `ret_is_program`: it is an ELF file of this machine's. `ret_interpreter`: the path of the program
 * that loads it, owned by the caller; NULL for static ones, libraries and all other files. */
int elf_read_interpreter(const char *path, bool *ret_is_program, char **ret_interpreter,
			 struct err *e) VMRT_MUST_CHECK;

#endif
