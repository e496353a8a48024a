/* The file systems below a root that a copy-on-write view of it needs one by one. */
#ifndef VMRUN_HOST_MOUNTS_H
#define VMRUN_HOST_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct host_mount {
	char *path; /* absolute, owned */
	bool is_dir;
};

struct host_mounts {
	size_t count;
	struct host_mount *at;
};

/* What holds files: no /proc, /dev, /sys, /run and what is in them. In the order of mounting,
 * each path once. `text` is a mountinfo (proc(5)). Free with host_mounts_done(). */
void host_mounts_parse(char *text, struct host_mounts *ret);
/* That of this process. */
int host_mounts_read(struct host_mounts *ret, struct err *e) VMRT_MUST_CHECK;
void host_mounts_done(struct host_mounts *m);

#endif
