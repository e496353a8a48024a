/* Reading ELF headers. Must not start anything. */
#include "vmrun/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define ELF_HEADERS_MAX 64

#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#elif defined(__riscv)
#define ELF_MACHINE EM_RISCV
#elif defined(__s390x__)
#define ELF_MACHINE EM_S390
#elif defined(__powerpc64__)
#define ELF_MACHINE EM_PPC64
#else
#error "the ELF machine of this architecture is not known"
#endif

static bool elf_is_ours(const Elf64_Ehdr *elf)
{
	return !memcmp(elf->e_ident, ELFMAG, SELFMAG) && elf->e_ident[EI_CLASS] == ELFCLASS64 &&
	       elf->e_machine == ELF_MACHINE && elf->e_phnum <= ELF_HEADERS_MAX;
}

int elf_read_interpreter(const char *path, bool *ret_is_program, char **ret_interpreter,
			 struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr elf;
	Elf64_Phdr header;

	*ret_interpreter = NULL;
	*ret_is_program = false;
	if (fd < 0)
		return err_set(e, -errno, "'%s': %s", path, strerror(errno));
	if (pread(fd, &elf, sizeof(elf), 0) != (ssize_t)sizeof(elf) || !elf_is_ours(&elf))
		return 0;
	*ret_is_program = true;
	for (unsigned int i = 0; i < elf.e_phnum; i++) {
		off_t at = (off_t)(elf.e_phoff + i * sizeof(header));
		char text[256] = "";

		if (pread(fd, &header, sizeof(header), at) != (ssize_t)sizeof(header))
			break;
		if (header.p_type != PT_INTERP || header.p_filesz >= sizeof(text))
			continue;
		if (pread(fd, text, header.p_filesz, (off_t)header.p_offset) > 0)
			*ret_interpreter = xstrdup(text);
	}
	return 0;
}
