/* Reading the host's mount table. Must not decide how a mount is shared. */
#include "vmrun/host_mounts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fd.h"
#include "lib/mem.h"

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

/* proc(5): blanks, tabs, newlines and backslashes stand as \ooo. */
static void host_mounts_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
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
	char *type = strstr(line, " - ");
	char *save = NULL;
	char *path = NULL;

	if (!type)
		return;
	*type = '\0';
	type += strlen(" - ");
	type[strcspn(type, " ")] = '\0';
	/* id, parent, major:minor, root, mount point */
	for (int i = 0; i < 5; i++)
		path = strtok_r(i ? NULL : line, " ", &save);
	if (!path)
		return;
	host_mounts_unescape(path);
	if (host_mounts_is_wanted(path, type))
		host_mounts_add(m, path);
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
