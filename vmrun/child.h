/* Starting vmrt, so that it does not outlive vmrun. */
#ifndef VMRUN_CHILD_H
#define VMRUN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"

struct child {
	char *const *argv; /* argv[0] is looked up in PATH */
	bool is_deaf;	   /* what is sent to our process group a second time does not end it */
	bool is_silent;	   /* its standard error is nobody's */
	bool is_mortal;	   /* killed when vmrun is */
};

/* Returns when execve has succeeded, or failed: then there is no child. */
int child_start(const struct child *c, pid_t *ret_pid, struct err *e) VMRT_MUST_CHECK;

#endif
