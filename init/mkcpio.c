/* Writes an initramfs (cpio "newc") that is the same, byte for byte, whoever makes it and when:
 * owner root, time 0, numbered inodes, no padding but the format's. Needs no privileges, also for
 * device nodes. Runs on the build machine. Must not read anything but the files named.
 *
 *   mkcpio OUTPUT [dir PATH MODE | file PATH MODE FROM | node PATH MODE MAJOR MINOR]... */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MKCPIO_FILE_MAX_BYTES (64 << 20)

struct mkcpio_entry {
	const char *path; /* without a leading slash */
	unsigned int mode;
	unsigned int links;
	unsigned int major;
	unsigned int minor;
	const void *data;
	size_t size;
};

static FILE *mkcpio_out;
static unsigned int mkcpio_inode;

static _Noreturn void mkcpio_die(const char *what, const char *name)
{
	fprintf(stderr, "mkcpio: %s '%s': %s\n", what, name, strerror(errno));
	exit(1);
}

static void mkcpio_pad(size_t size)
{
	fwrite("\0\0\0", 1, -size & 3, mkcpio_out);
}

static void mkcpio_put(const struct mkcpio_entry *e)
{
	size_t name_size = strlen(e->path) + 1;

	/* magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor,
	 * rdevminor, namesize, check: initramfs-buffer-format.rst in the kernel's documentation */
	fprintf(mkcpio_out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		++mkcpio_inode, e->mode, 0, 0, e->links, 0, (unsigned int)e->size, 0, 0, e->major,
		e->minor, (unsigned int)name_size, 0);
	fwrite(e->path, 1, name_size, mkcpio_out);
	mkcpio_pad(110 + name_size);
	fwrite(e->data, 1, e->size, mkcpio_out);
	mkcpio_pad(e->size);
}

static void mkcpio_put_file(const char *path, unsigned int mode, const char *from)
{
	struct stat st;
	FILE *f = fopen(from, "rb");
	char *data;

	if (!f || fstat(fileno(f), &st) < 0)
		mkcpio_die("opening", from);
	if (st.st_size > MKCPIO_FILE_MAX_BYTES) {
		errno = EFBIG;
		mkcpio_die("reading", from);
	}
	data = malloc((size_t)st.st_size + 1);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		mkcpio_die("reading", from);
	fclose(f);
	mkcpio_put(&(struct mkcpio_entry){path, S_IFREG | mode, 1, 0, 0, data, (size_t)st.st_size});
	free(data);
}

static unsigned int mkcpio_number(const char *text, int base)
{
	char *end;
	unsigned long v = strtoul(text, &end, base);

	if (!*text || *end) {
		errno = EINVAL;
		mkcpio_die("number", text);
	}
	return (unsigned int)v;
}

/* Consumes one entry's words. Returns how many. */
static int mkcpio_put_words(int count, char **words)
{
	unsigned int mode = count >= 3 ? mkcpio_number(words[2], 8) : 0;

	if (count >= 3 && !strcmp(words[0], "dir")) {
		mkcpio_put(&(struct mkcpio_entry){words[1], S_IFDIR | mode, 2, 0, 0, "", 0});
		return 3;
	}
	if (count >= 4 && !strcmp(words[0], "file")) {
		mkcpio_put_file(words[1], mode, words[3]);
		return 4;
	}
	if (count >= 5 && !strcmp(words[0], "node")) {
		mkcpio_put(&(struct mkcpio_entry){words[1], S_IFCHR | mode, 1,
						  mkcpio_number(words[3], 10),
						  mkcpio_number(words[4], 10), "", 0});
		return 5;
	}
	errno = EINVAL;
	mkcpio_die("entry", words[0]);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: mkcpio OUTPUT ENTRY...\n", stderr);
		return 1;
	}
	mkcpio_out = fopen(argv[1], "wb");
	if (!mkcpio_out)
		mkcpio_die("creating", argv[1]);
	for (int i = 2; i < argc;)
		i += mkcpio_put_words(argc - i, argv + i);
	mkcpio_inode = (unsigned int)-1; /* the trailer's is 0 */
	mkcpio_put(&(struct mkcpio_entry){"TRAILER!!!", 0, 1, 0, 0, "", 0});
	if (fflush(mkcpio_out) || ferror(mkcpio_out) || fclose(mkcpio_out)) {
		remove(argv[1]);
		mkcpio_die("writing", argv[1]);
	}
	return 0;
}
