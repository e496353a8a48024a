/* What every fuzz target shares.
 *
 *   clang -fsanitize=fuzzer,address,undefined …   libFuzzer; the corpus is tests/fuzz/corpus-NAME
 *   -DFUZZ_REPLAY                                 a program that runs the files given to it */
#ifndef VMRT_TESTS_FUZZ_H
#define VMRT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a person gets to read. */
static inline void fuzz_check_line(const struct err *e)
{
	if (!*e->text || !memchr(e->text, '\0', sizeof(e->text)) || strpbrk(e->text, "\n\r\t\x1b"))
		abort();
}

#ifdef FUZZ_REPLAY
#include <fcntl.h>

#include "lib/fd.h"

#define FUZZ_FILE_MAX_BYTES (16 << 20)

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *text = NULL;
		size_t size;

		if (fd_read_file(AT_FDCWD, argv[i], FUZZ_FILE_MAX_BYTES, &text, &size) < 0) {
			fprintf(stderr, "cannot read %s\n", argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)text, size);
		free(text);
	}
	return argc < 2; /* nothing replayed is a failure */
}
#endif
#endif
