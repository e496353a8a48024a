/* --image: a command in a whole distribution, through its guest agent. */
#ifndef VMRUN_DISTRO_H
#define VMRUN_DISTRO_H

#include "lib/err.h"
#include "vmrun/request.h"

/* Options that mean nothing to a system that boots by itself are refused by name. */
int distro_check(const struct request *request, struct err *e) VMRT_MUST_CHECK;
bool distro_is_uefi(const struct request *request);
/* Boots, runs, ends the machine. The exit status, as run_bundle()'s. */
int distro_run(const struct request *request, unsigned int timeout_ms,
	       struct err *e) VMRT_MUST_CHECK;

#endif
