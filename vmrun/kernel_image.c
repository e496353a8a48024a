/* Reading a kernel's file. Must not look for anything beside it.
 *
 * bzImage: Documentation/arch/x86/boot.rst of the kernel; the configuration of CONFIG_IKCONFIG lies
 * gzipped between two marks (kernel/configs.c), which a compressed kernel hides. */
#include "vmrun/kernel_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define IMAGE_SETUP_SECTORS 0x1f1
#define IMAGE_SETUP_MAGIC   0x202 /* "HdrS" */
#define IMAGE_SETUP_VERSION 0x20e /* u16: offset of the version text, less 0x200 */
#define IMAGE_MIN_BYTES	    0x1000
#define IMAGE_VERSION_MAX   128
#define IMAGE_CONFIG_BYTES  (4u << 20)
#define IMAGE_CONFIG_BEGIN  "IKCFG_ST"
#define IMAGE_CONFIG_END    "IKCFG_ED"
#define IMAGE_GZIP_WINDOW   (16 + MAX_WBITS)

static unsigned int image_u16(const unsigned char *at)
{
	return at[0] | (unsigned int)at[1] << 8;
}

/* The first word at `text`, which need not end. */
static char *image_word(const unsigned char *text, size_t room)
{
	size_t size = 0;

	while (size < room && size < IMAGE_VERSION_MAX && text[size] > ' ' && text[size] < 127)
		size++;
	return size ? xstrndup((const char *)text, size) : NULL;
}

static void image_read_bzimage(const unsigned char *data, size_t size, struct kernel_image *ret)
{
	size_t at = image_u16(data + IMAGE_SETUP_VERSION) + 0x200;

	ret->format = KERNEL_FORMAT_BZIMAGE;
	if (at > 0x200 && at < size)
		ret->version = image_word(data + at, size - at);
}

static char *image_inflate(const unsigned char *data, size_t size)
{
	auto_free char *text = xcalloc(1, IMAGE_CONFIG_BYTES + 1);
	z_stream z = {
		.next_in = (unsigned char *)(uintptr_t)data,
		.avail_in = (unsigned int)size,
		.next_out = (unsigned char *)text,
		.avail_out = IMAGE_CONFIG_BYTES,
	};
	int r;

	if (inflateInit2(&z, IMAGE_GZIP_WINDOW) != Z_OK)
		return NULL;
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return r == Z_STREAM_END ? take_ptr(text) : NULL;
}

static int image_read_elf(const unsigned char *data, size_t size, struct kernel_image *ret)
{
	static const char banner[] = "Linux version ";
	const unsigned char *at = memmem(data, size, banner, strlen(banner));
	const unsigned char *begin = memmem(data, size, IMAGE_CONFIG_BEGIN "\x1f\x8b", 10);
	const unsigned char *end =
		begin ? memmem(begin, size - (size_t)(begin - data), IMAGE_CONFIG_END, 8) : NULL;

	ret->format = KERNEL_FORMAT_ELF;
	if (!at)
		return -ENOEXEC;
	ret->version = image_word(at + strlen(banner), size - (size_t)(at - data) - strlen(banner));
	if (end)
		ret->config = image_inflate(begin + 8, (size_t)(end - begin) - 8);
	return 0;
}

static int image_parse(const unsigned char *data, size_t size, struct kernel_image *ret)
{
	const Elf64_Ehdr *elf = (const void *)data;

	if (!memcmp(data + IMAGE_SETUP_MAGIC, "HdrS", 4)) {
		image_read_bzimage(data, size, ret);
		return 0;
	}
	if (memcmp(data, ELFMAG, SELFMAG) || elf->e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
#ifdef __x86_64__
	if (elf->e_machine != EM_X86_64)
		return -ENOEXEC;
#endif
	return image_read_elf(data, size, ret);
}

int kernel_image_read(const char *path, struct kernel_image *ret, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "option --kernel: '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size < IMAGE_MIN_BYTES)
		return err_set(e, -ENOEXEC, "option --kernel: '%s' is no kernel", path);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(e, -errno, "reading '%s'", path);
	*ret = (struct kernel_image){0};
	r = image_parse(data, (size_t)st.st_size, ret);
	munmap(data, (size_t)st.st_size);
	if (r < 0)
		return err_set(e, r,
			       "option --kernel: '%s' is neither a bzImage nor a vmlinux of this "
			       "architecture",
			       path);
	return 0;
}

void kernel_image_done(struct kernel_image *image)
{
	free(image->version);
	free(image->config);
	*image = (struct kernel_image){0};
}
