/* The bundle: what was asked for, as a config.json for `vmrt run`. */
#ifndef VMRUN_BUNDLE_H
#define VMRUN_BUNDLE_H

#include <sys/types.h>

#include "lib/err.h"
#include "vmrun/disks.h"
#include "vmrun/kernel.h"
#include "vmrun/request.h"

/* Whom the command runs as. */
struct bundle_ids {
	uid_t uid;
	gid_t gid;
};

/* Writes `dir`/config.json. `kernel` and `disks` are ready to be used. Nothing but files of `dir`
 * is changed. */
int bundle_write(const struct request *request, const struct kernel *kernel,
		 const struct disks *disks, const char *dir, struct bundle_ids *ret_ids,
		 struct err *e) VMRT_MUST_CHECK;

/* Are the command's words and --env what a document of JSON can tell? For a bundle it is called. */
int bundle_check_texts(const struct request *request, struct err *e) VMRT_MUST_CHECK;

/* --memory: "512", "512M", "2G", as QEMU takes it. */
int bundle_parse_memory(const char *text, unsigned long *ret_mib, struct err *e) VMRT_MUST_CHECK;

#endif
