/* --standalone: the program as PID 1 of a machine with nothing else in it. */
#ifndef VMRUN_STANDALONE_H
#define VMRUN_STANDALONE_H

#include "lib/err.h"
#include "vmrun/kernel.h"
#include "vmrun/request.h"

/* What such a machine has no place for. */
int standalone_check(const struct request *request, struct err *e) VMRT_MUST_CHECK;

/* Makes an initramfs in `dir` of the tree in `root` and the words the program is started with, in
 * addition to what `kernel` has to load; `program` is its path in the tree. */
int standalone_pack(const struct request *request, const char *root, const char *program,
		    const char *dir, struct kernel *kernel, struct err *e) VMRT_MUST_CHECK;

/* The program's exit status from vmrt's last message and what it has told itself (-1: nothing).
 * -1: it ended otherwise. Pure. */
int standalone_status(const char *message, int told);

#endif
