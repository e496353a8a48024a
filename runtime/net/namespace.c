/* Looking at network namespaces through /proc. Must not enter them. */
#include "runtime/net/namespace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/net/redirect.h"

#define NAMESPACE_CMDLINE_BYTES (64u << 10)

static bool namespace_is_same(int proc_fd, const char *process, const struct stat *wanted)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/ns/net", process);
	return fstatat(proc_fd, path, &st, 0) == 0 && st.st_ino == wanted->st_ino &&
	       st.st_dev == wanted->st_dev;
}

static void namespace_read_name(int proc_fd, const char *process, char name[32])
{
	char path[300];
	char *text = NULL;
	size_t size;

	snprintf(path, sizeof(path), "%s/comm", process);
	if (fd_read_file(proc_fd, path, 31, &text, &size) == 0)
		snprintf(name, 32, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
}

/* Parts of an engine that live in a container's namespace for its sake: by the name that they go by
 * themselves, the kernel's may be that of a link ("exe"). */
static bool namespace_is_engines(int proc_fd, const char *process)
{
	static const char *const known[] = {"rootlessport", "slirp4netns", "pasta", "aardvark-dns"};
	char path[300];
	auto_free char *text = NULL;
	const char *name;

	snprintf(path, sizeof(path), "%s/cmdline", process);
	if (fd_read_file(proc_fd, path, NAMESPACE_CMDLINE_BYTES, &text, NULL) < 0)
		return false;
	name = strrchr(text, '/') ? strrchr(text, '/') + 1 : text;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strncmp(name, known[i], strlen(known[i])))
			return true;
	}
	return false;
}

/* One stat() per process: a millisecond on a busy host, and only for namespaces given by path. */
static int namespace_find_user(const char *path, const struct stat *wanted, struct err *e)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char name[32] = "?";
	int r = 0;

	if (!proc)
		return err_sys(e, -errno, "reading /proc");
	while (r == 0 && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !namespace_is_same(dirfd(proc), entry->d_name, wanted))
			continue;
		if (namespace_is_engines(dirfd(proc), entry->d_name))
			continue;
		namespace_read_name(dirfd(proc), entry->d_name, name);
		r = err_set(e, -EBUSY,
			    "config.json: linux.namespaces: the network namespace '%s' is in use "
			    "by process %s (%s): a VM cannot share its interfaces with another "
			    "container or a pod",
			    path, entry->d_name, name);
	}
	closedir(proc);
	return r;
}

int namespace_check(const char *path, bool *ret_is_host, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, -errno, "config.json: linux.namespaces: '%s'", path);
	*ret_is_host = namespace_is_same(AT_FDCWD, "/proc/self", &st) ||
		       namespace_is_same(AT_FDCWD, "/proc/1", &st);
	return *ret_is_host ? 0 : namespace_find_user(path, &st, e);
}

void namespace_set_ports(void)
{
	auto_close int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);

	/* Without it a name that the engine has to ask others for may stay unanswered. */
	if (fd >= 0)
		(void)!dprintf(fd, "%d %d", REDIRECT_HOST_PORT, REDIRECT_HOST_PORT_LAST);
}
