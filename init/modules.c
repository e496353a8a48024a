/* Loading modules. Must not decide which or in what order: whoever made the list has. */
#include "init/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/machine.h"
#include "lib/fd.h"
#include "lib/mem.h"

#define MODULES_LIST	   MACHINE_MODULES_DIR "/list"
#define MODULES_LIST_BYTES (256u << 10)
#define MODULES_COMPRESSED 4 /* MODULE_INIT_COMPRESSED_FILE of linux/module.h, since 5.17 */

static int modules_insert(const char *name, const char *parameters)
{
	auto_free char *path = xasprintf(MACHINE_MODULES_DIR "/%s", name);
	size_t size = strlen(name);
	bool is_plain = size > 3 && !strcmp(name + size - 3, ".ko");
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, is_plain ? 0 : MODULES_COMPRESSED) < 0 &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

void modules_load(void)
{
	auto_free char *text = NULL;
	char *save = NULL;
	int r = fd_read_file(AT_FDCWD, MODULES_LIST, MODULES_LIST_BYTES, &text, NULL);

	if (r == -ENOENT)
		return;
	if (r < 0)
		machine_die("reading " MODULES_LIST ": errno %d", -r);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *blank = strchr(line, ' ');

		if (blank)
			*blank = '\0';
		r = modules_insert(line, blank ? blank + 1 : "");
		if (r < 0)
			machine_die("loading the module %s: errno %d", line, -r);
	}
}
