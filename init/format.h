/* Whether the kernel can execute a program's format. */
#ifndef VMRT_INIT_FORMAT_H
#define VMRT_INIT_FORMAT_H

#include "lib/err.h"

/* 0 for what execve(2) will take, or for what cannot be read: then execve decides. -ENOEXEC for a
 * format no kernel of this architecture knows, the errno of the interpreter where that is what is
 * wrong. With the process's root, working directory and rights as they will be. */
int format_check(const char *path, struct err *e) VMRT_MUST_CHECK;

#endif
