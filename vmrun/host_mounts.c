/* Reading the host's mount table. Must not decide how a mount is shared. */
#include "vmrun/host_mounts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/mountinfo.h"

#define HOST_MOUNTS_BYTES (16u << 20)
#define HOST_MOUNTS_MAX	  256

/* What the guest has of its own, and what says something about the host's processes. */
static const char *const host_mounts_skipped[] = {"/proc", "/sys", "/dev", "/run", NULL};

/* File systems of the kernel's own and those that a container engine keeps for its containers. */
static const char *const host_mounts_types[] = {
	"autofs",    "binfmt_misc", "bpf",	"cgroup",     "cgroup2", "configfs",   "debugfs",
	"devpts",    "devtmpfs",    "efivarfs", "fuse.lxcfs", "fusectl", "hugetlbfs",  "mqueue",
	"nsfs",	     "overlay",	    "proc",	"pstore",     "ramfs",	 "rpc_pipefs", "securityfs",
	"selinuxfs", "sysfs",	    "tracefs",	NULL,
};

static bool host_mounts_is_listed(const char *const *list, const char *text)
{
	while (*list && strcmp(*list, text))
		list++;
	return *list;
}

static bool host_mounts_is_below(const char *path, const char *dir)
{
	size_t size = strlen(dir);

	return !strncmp(path, dir, size) && (path[size] == '/' || !path[size]);
}

static bool host_mounts_is_wanted(const char *path, const char *type)
{
	if (!strcmp(path, "/") || host_mounts_is_listed(host_mounts_types, type))
		return false;
	for (const char *const *dir = host_mounts_skipped; *dir; dir++) {
		if (host_mounts_is_below(path, *dir))
			return false;
	}
	return true;
}

static void host_mounts_add(struct host_mounts *m, const char *path)
{
	struct stat st;

	for (size_t i = 0; i < m->count; i++) {
		if (!strcmp(m->at[i].path, path))
			return;
	}
	if (m->count == HOST_MOUNTS_MAX || stat(path, &st) < 0 ||
	    (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
		return;
	m->at = xreallocarray(m->at, m->count + 1, sizeof(*m->at));
	m->at[m->count++] =
		(struct host_mount){.path = xstrdup(path), .is_dir = S_ISDIR(st.st_mode)};
}

static void host_mounts_take_line(struct host_mounts *m, char *line)
{
	struct mountinfo mount;

	if (mountinfo_parse(line, &mount) && host_mounts_is_wanted(mount.point, mount.type))
		host_mounts_add(m, mount.point);
}

void host_mounts_parse(char *text, struct host_mounts *ret)
{
	char *save = NULL;

	*ret = (struct host_mounts){0};
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		host_mounts_take_line(ret, line);
}

int host_mounts_read(struct host_mounts *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", HOST_MOUNTS_BYTES, &text, NULL);

	if (r < 0)
		return err_sys(e, r, "reading /proc/self/mountinfo");
	host_mounts_parse(text, ret);
	return 0;
}

void host_mounts_done(struct host_mounts *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->at[i].path);
	free(m->at);
	*m = (struct host_mounts){0};
}
