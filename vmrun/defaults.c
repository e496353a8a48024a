/* Reading default options. Must not know what they mean. */
#include "vmrun/defaults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define DEFAULTS_FILE_BYTES (64u << 10)

/* Options can give away the whole machine: whoever may write them must be the caller, the caller
 * before sudo, or root. The file's text, NULL if there is none. */
static int defaults_read_file(char **ret, struct err *e)
{
	const char *sudo = getenv("SUDO_UID");
	auto_close int fd = open(DEFAULTS_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "reading " DEFAULTS_FILE);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, DEFAULTS_FILE " is no regular file");
	if ((st.st_uid && st.st_uid != getuid() &&
	     (!sudo || strtoul(sudo, NULL, 10) != st.st_uid)) ||
	    (st.st_mode & S_IWOTH))
		return err_set(e, -EPERM,
			       DEFAULTS_FILE
			       " is not taken: it belongs to user %u, mode %04o; chown "
			       "it to yourself, or give options in $" DEFAULTS_VARIABLE,
			       st.st_uid, st.st_mode & 07777);
	r = fd_read_text(fd, DEFAULTS_FILE_BYTES, ret, NULL);
	return r < 0 ? err_sys(e, r, "reading " DEFAULTS_FILE) : 0;
}

int defaults_read(struct strv *ret, struct err *e)
{
	const char *variable = getenv(DEFAULTS_VARIABLE);
	auto_free char *words = xstrdup(variable ? variable : "");
	auto_free char *text = NULL;
	char *save = NULL;
	int r = defaults_read_file(&text, e);

	if (r < 0)
		return r;
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
