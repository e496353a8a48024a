/* One `vmrt run`, from its start to an exit status that tells what happened. */
#ifndef VMRUN_RUN_H
#define VMRUN_RUN_H

#include "lib/err.h"
#include "vmrun/bundle.h"
#include "vmrun/request.h"

/* Runs the bundle in `dir`. `timeout_ms` 0: as long as it takes. Standard streams and terminal are
 * the command's meanwhile; signals that vmrun gets go to it. The exit status of the command, or one
 * of enum request_exit with the reason on standard error. `ids`: whose files in the VM are the
 * caller's. */
int run_bundle(const struct request *request, const char *dir, const struct bundle_ids *ids,
	       unsigned int timeout_ms, struct err *e) VMRT_MUST_CHECK;

/* $VMRT, or beside vmrun, as both are installed, else in PATH. Owned by the caller. */
char *run_find_vmrt(void);

#endif
