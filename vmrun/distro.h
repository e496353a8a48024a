/* --image: a command in a whole distribution, through its guest agent. */
#ifndef VMRUN_DISTRO_H
#define VMRUN_DISTRO_H

#include <stdbool.h>

#include "lib/err.h"
#include "vmrun/request.h"

/* Options that mean nothing to a system that boots by itself are refused by name. */
int distro_check(const struct request *request, struct err *e) VMRT_MUST_CHECK;
/* Not by itself, but as the root of a kernel of ours: by a bundle, as everything else. */
bool distro_is_direct(const struct request *request);
/* For that: makes `root`, the folder of the bundle that the disk takes the place of, and puts it,
 * the image's absolute path (which `ret_path` owns) and its format into the request. */
int distro_open_direct(const char *root, struct request *request, char **ret_path,
		       struct err *e) VMRT_MUST_CHECK;
bool distro_is_uefi(const struct request *request);
/* Boots, runs, ends the machine. The exit status, as run_bundle()'s. */
int distro_run(const struct request *request, unsigned int timeout_ms,
	       struct err *e) VMRT_MUST_CHECK;

#endif
