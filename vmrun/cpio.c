/* The archive format of the kernel's initramfs: Documentation/driver-api/early-userspace/
 * buffer-format.rst. Must not read the files that are put in. */
#include "vmrun/cpio.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CPIO_HEADER_BYTES 110

static void cpio_pad(struct cpio *c, size_t size)
{
	fwrite("\0\0\0", 1, -size & 3, c->file);
}

/* The fields by name in their order: ino, mode, uid, gid, nlink, mtime, filesize, four device
 * numbers, namesize, check. */
static void cpio_put(struct cpio *c, const char *name, unsigned int mode, const void *data,
		     size_t size)
{
	const unsigned int fields[] = {
		++c->inode, mode, 0, 0, S_ISDIR(mode) ? 2 : 1,		0, (unsigned int)size,
		0,	    0,	  0, 0, (unsigned int)strlen(name) + 1, 0,
	};

	fputs("070701", c->file);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		fprintf(c->file, "%08X", fields[i]);
	fwrite(name, 1, strlen(name) + 1, c->file);
	cpio_pad(c, CPIO_HEADER_BYTES + strlen(name) + 1);
	fwrite(data, 1, size, c->file);
	cpio_pad(c, size);
}

int cpio_open(struct cpio *c, const char *path, struct err *e)
{
	*c = (struct cpio){.file = fopen(path, "ae")};
	return c->file ? 0 : err_sys(e, -errno, "making '%s'", path);
}

void cpio_put_dir(struct cpio *c, const char *name, unsigned int mode)
{
	cpio_put(c, name, S_IFDIR | mode, "", 0);
}

void cpio_put_file(struct cpio *c, const char *name, unsigned int mode, const void *data,
		   size_t size)
{
	cpio_put(c, name, S_IFREG | mode, data, size);
}

void cpio_put_link(struct cpio *c, const char *name, const char *target, size_t size)
{
	cpio_put(c, name, S_IFLNK | 0777, target, size);
}

int cpio_close(struct cpio *c, struct err *e)
{
	int r;

	cpio_put(c, "TRAILER!!!", 0, "", 0);
	r = ferror(c->file) ? -EIO : 0;
	if (fclose(c->file) == EOF && !r)
		r = -errno;
	return r < 0 ? err_sys(e, r, "writing an initramfs") : 0;
}

void cpio_abandon(struct cpio *c)
{
	fclose(c->file);
}
