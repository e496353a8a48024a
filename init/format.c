/* Whether the kernel can execute a program's format: scripts, ELF, their interpreters. Asked before
 * the container counts as created, since engines take a failing create better than a failing start.
 * Must not refuse what execve(2) accepts: in doubt it says yes. The guest's kernel has no
 * binfmt_misc formats registered when this runs. */
#include "init/format.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/wording.h"
#include "lib/fd.h"

/* include/uapi/linux/binfmts.h: what the kernel looks at; fs/exec.c: scripts of scripts. */
#define FORMAT_HEAD_BYTES 256
#define FORMAT_DEPTH	  5

#if defined(__x86_64__)
#define FORMAT_MACHINE	  EM_X86_64
#define FORMAT_MACHINE_32 EM_386
#elif defined(__aarch64__)
#define FORMAT_MACHINE	  EM_AARCH64
#define FORMAT_MACHINE_32 EM_ARM
#elif defined(__riscv)
#define FORMAT_MACHINE	  EM_RISCV
#define FORMAT_MACHINE_32 EM_RISCV
#elif defined(__s390x__)
#define FORMAT_MACHINE	  EM_S390
#define FORMAT_MACHINE_32 EM_S390
#elif defined(__powerpc64__)
#define FORMAT_MACHINE	  EM_PPC64
#define FORMAT_MACHINE_32 EM_PPC
#else
#error "the ELF machine of this architecture"
#endif

static int format_refuse(const char *path, struct err *e)
{
	return err_set(e, -ENOEXEC, "exec %s: %s", path, wording_errno(ENOEXEC));
}

static int format_check_interpreter(const char *path, const char *interpreter, struct err *e)
{
	if (syscall(SYS_faccessat2, AT_FDCWD, interpreter, X_OK, AT_EACCESS) < 0)
		return err_set(e, -errno, "exec %s: interpreter %s: %s", path, interpreter,
			       wording_errno(errno));
	return 0;
}

/* Of a 64-bit program; a 32-bit one is execve's to judge. */
static int format_check_elf(const char *path, int fd, const char *head, size_t size, struct err *e)
{
	char interpreter[PATH_MAX];
	Elf64_Ehdr elf;
	Elf64_Phdr segment;

	if (size < sizeof(elf))
		return 0;
	memcpy(&elf, head, sizeof(elf));
	if (elf.e_machine != FORMAT_MACHINE)
		return elf.e_machine == FORMAT_MACHINE_32 ? 0 : format_refuse(path, e);
	if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(segment))
		return 0;
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment))
			return 0;
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_filesz < 2 || segment.p_filesz > sizeof(interpreter) ||
		    pread(fd, interpreter, segment.p_filesz, (off_t)segment.p_offset) !=
			    (ssize_t)segment.p_filesz ||
		    interpreter[segment.p_filesz - 1])
			return 0;
		return format_check_interpreter(path, interpreter, e);
	}
	return 0;
}

/* The interpreter of "#! NAME [ARGUMENT]\n" in place, NULL if there is none or it was cut. */
static const char *format_parse_script(char *head, size_t size)
{
	size_t begin = 2;
	size_t end;

	while (begin < size && (head[begin] == ' ' || head[begin] == '\t'))
		begin++;
	end = begin;
	while (end < size && head[end] && !strchr(" \t\n", head[end]))
		end++;
	if (end == begin || end == size)
		return NULL;
	head[end] = '\0';
	return head + begin;
}

static int format_check_depth(const char *path, int depth, struct err *e)
{
	char head[FORMAT_HEAD_BYTES + 1];
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : pread(fd, head, FORMAT_HEAD_BYTES, 0);
	const char *interpreter;
	int r;

	if (size < 0 || depth > FORMAT_DEPTH)
		return 0;
	if (size >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		return format_check_elf(path, fd, head, (size_t)size, e);
	if (size < 2 || memcmp(head, "#!", 2))
		return format_refuse(path, e);
	interpreter = format_parse_script(head, (size_t)size);
	if (!interpreter)
		return size < FORMAT_HEAD_BYTES ? 0 : format_refuse(path, e);
	r = format_check_interpreter(path, interpreter, e);
	return r ? r : format_check_depth(interpreter, depth + 1, e);
}

int format_check(const char *path, struct err *e)
{
	return format_check_depth(path, 0, e);
}
