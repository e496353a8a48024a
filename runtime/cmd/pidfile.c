/* Writing pid files. */
#include "runtime/cmd/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "lib/fd.h"
#include "lib/mem.h"

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
	auto_free char *temporary = NULL;
	auto_close int fd = -1;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);
	int r;

	if (!path)
		return 0;
	temporary = xasprintf("%s.vmrt-new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, text, (size_t)n);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		unlink(temporary);
	return r < 0 ? err_sys(e, r, "writing the pid file '%s'", path) : 0;
}
