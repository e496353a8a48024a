/* Writing an initramfs: a cpio archive of the format "newc", files of root's. */
#ifndef VMRUN_CPIO_H
#define VMRUN_CPIO_H

#include <stdio.h>

#include "lib/err.h"

struct cpio {
	FILE *file;
	unsigned int inode;
};

/* Makes the file, or goes on behind an archive that is in it: the kernel unpacks both. */
int cpio_open(struct cpio *c, const char *path, struct err *e) VMRT_MUST_CHECK;
/* `name` without a leading slash; a directory comes before what is in it. Errors are told by
 * cpio_close(). */
void cpio_put_dir(struct cpio *c, const char *name, unsigned int mode);
void cpio_put_file(struct cpio *c, const char *name, unsigned int mode, const void *data,
		   size_t size);
void cpio_put_link(struct cpio *c, const char *name, const char *target, size_t size);
int cpio_close(struct cpio *c, struct err *e) VMRT_MUST_CHECK;
/* Closes without finishing. */
void cpio_abandon(struct cpio *c);

#endif
