/* A file of targets: vmtest.toml, or vmrun's own vmrun.json. */
#ifndef VMRUN_TARGETS_H
#define VMRUN_TARGETS_H

#include <stddef.h>

#include "lib/err.h"
#include "runtime/proc/strv.h"

struct target {
	char *name;
	struct strv args; /* what vmrun is called with: options, "--", command */
};

struct targets {
	char *folder; /* of the file: what its relative paths start from */
	size_t count;
	struct target *at;
};

/* Reads the file, TOML by its name, else JSON. Errors name file and member. Free with
 * targets_done(). */
int targets_load(const char *path, struct targets *ret, struct err *e) VMRT_MUST_CHECK;
void targets_done(struct targets *t);

#endif
