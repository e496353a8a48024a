/* What the command sees of the host's files, and how. */
#ifndef VMRUN_MOUNTS_H
#define VMRUN_MOUNTS_H

#include "lib/err.h"
#include "runtime/oci/json_write.h"
#include "vmrun/kernel.h"
#include "vmrun/request.h"

enum mounts_mode {
	MOUNTS_RO,
	MOUNTS_RW,
	MOUNTS_COW, /* writable, and what is written is thrown away */
	MOUNTS_MODE_COUNT
};

struct mounts_bind {
	char *host;  /* absolute, owned */
	char *guest; /* absolute, owned */
	enum mounts_mode mode;
};

struct mounts {
	char *root; /* absolute */
	char *cwd;  /* the caller's */
	size_t count;
	struct mounts_bind *at; /* in the order of mounting */
};

/* Root, its file systems, the kernel's modules, volumes, the current directory. `dir` is for files
 * that have to be made. Free with mounts_done(), also after a failure. */
int mounts_plan(const struct request *request, const struct kernel *kernel, const char *dir,
		struct mounts *ret, struct err *e) VMRT_MUST_CHECK;
/* What is shared with an image that has a root of its own: the current directory and volumes, which
 * must be directories, and cannot be cow. */
int mounts_plan_image(const struct request *request, struct mounts *ret,
		      struct err *e) VMRT_MUST_CHECK;
/* The member "mounts" of config.json. */
void mounts_put(struct json_out *out, const struct mounts *m);
void mounts_done(struct mounts *m);

#endif
