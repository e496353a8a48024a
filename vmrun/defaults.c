/* Reading default options. Must not know what they mean. */
#include "vmrun/defaults.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define DEFAULTS_FILE_BYTES (64u << 10)

int defaults_read(struct strv *ret, struct err *e)
{
	const char *variable = getenv(DEFAULTS_VARIABLE);
	auto_free char *words = xstrdup(variable ? variable : "");
	auto_free char *text = NULL;
	char *save = NULL;
	int r = fd_read_file(AT_FDCWD, DEFAULTS_FILE, DEFAULTS_FILE_BYTES, &text, NULL);

	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "reading " DEFAULTS_FILE);
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (*line != '#')
			strv_push(ret, line);
	}
	for (char *word = strtok_r(words, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save))
		strv_push(ret, word);
	return 0;
}
