/* Another program as PID 1: its arguments are a vector in a file, not words of the kernel's command
 * line, which has 2 KiB and no way to write a quote. Must not set up anything that the program is
 * to set up itself. */
#include "init/standalone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/modules.h"
#include "lib/fd.h"
#include "lib/mem.h"

#define STANDALONE_DIR	   "/standalone"
#define STANDALONE_BYTES   (8u << 20)
#define STANDALONE_INIT	   "/init"
#define STANDALONE_CONSOLE "/dev/console"

/* The status a shell would give, which the kernel prints with its panic. */
static void standalone_fail(const char *what, int code)
{
	fprintf(stderr, "vmrt-init: %s: %s\n", what, strerror(code));
	_exit(code == ENOENT ? 127 : 126);
}

/* Texts that end in NUL, as a vector that ends in NULL; both stay until execve. */
static char **standalone_read(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	size_t count = 0;
	char **vector;
	int r = fd_read_file(AT_FDCWD, path, STANDALONE_BYTES, &text, &size);

	if (r < 0)
		standalone_fail(path, -r);
	for (size_t i = 0; i < size; i++)
		count += !text[i];
	vector = xcalloc(count + 1, sizeof(*vector));
	count = 0;
	for (size_t at = 0; at < size; at += strlen(text + at) + 1)
		vector[count++] = text + at;
	return vector;
}

/* A console whose driver is a module was not there when the kernel opened ours. */
static void standalone_open_console(void)
{
	int fd;

	(void)mknod(STANDALONE_CONSOLE, S_IFCHR | 0600, makedev(5, 1));
	fd = open(STANDALONE_CONSOLE, O_RDWR | O_NOCTTY);
	for (int i = 0; fd >= 0 && i < 3; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* What is vmrt's in this file system: the program sees what was put in for it. */
static void standalone_remove_traces(void)
{
	static const char *const files[] = {STANDALONE_INIT, STANDALONE_DIR "/args",
					    STANDALONE_DIR "/env", STANDALONE_DIR "/program"};
	static const char *const dirs[] = {STANDALONE_DIR, "/share", "/scratch", "/cgroup"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		(void)unlink(files[i]);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		(void)rmdir(dirs[i]);
}

void standalone_become(void)
{
	char **program;
	char **args;
	char **env;

	if (access(STANDALONE_DIR, F_OK) < 0)
		return;
	modules_load();
	standalone_open_console();
	program = standalone_read(STANDALONE_DIR "/program");
	args = standalone_read(STANDALONE_DIR "/args");
	env = standalone_read(STANDALONE_DIR "/env");
	standalone_remove_traces();
	if (!*program || link(*program, STANDALONE_INIT) < 0)
		standalone_fail(STANDALONE_INIT, *program ? errno : EINVAL);
	execve(STANDALONE_INIT, args, env);
	standalone_fail(args[0] ? args[0] : STANDALONE_INIT, errno);
}
