/* Fuzz target: lines of the image's /etc/passwd, which the guest's init reads for HOME. */
#include "init/environ.c"
#include "init/wording.c"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[ENVIRON_LINE_BYTES];
	size_t at = 0;

	while (at < size) {
		const char *home = NULL;
		size_t n = 0;

		/* As fgets() does. */
		while (at < size && n < sizeof(line) - 1) {
			line[n++] = (char)data[at++];
			if (line[n - 1] == '\n')
				break;
		}
		line[n] = '\0';
		if (environ_parse_passwd(line, 1000, &home) && (!home || strchr(home, '\n')))
			abort();
	}
	return 0;
}
