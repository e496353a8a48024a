/* The host's cgroup: finding, making, filling and removing it. Must not know the container's
 * state, and must not touch a cgroup above the container's own but to hand controllers down. */
#include "runtime/cgroup/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"

#define HOST_TABLE_BYTES      (4u << 20)
#define HOST_FILE_BYTES	      4096
#define HOST_LIST_NAME	      "cgroups" /* in the state directory */
#define HOST_REMOVE_TRIES     100
#define HOST_REMOVE_WAIT_NS   10000000
#define HOST_UNIFIED_CONTROLS "+cpuset +cpu +io +memory +pids +hugetlb"

/* The line of /proc/self/cgroup for these controllers: the caller's path, "/" without one. */
static char *host_own_path(const char *table, const char *controllers)
{
	for (const char *line = table; *line;) {
		size_t size = strcspn(line, "\n");
		const char *names = memchr(line, ':', size);
		const char *path =
			names ? memchr(names + 1, ':', size - (size_t)(names + 1 - line)) : NULL;

		if (path && (size_t)(path - names - 1) == strlen(controllers) &&
		    !strncmp(names + 1, controllers, strlen(controllers)))
			return xstrndup(path + 1, size - (size_t)(path + 1 - line));
		line += size + (line[size] == '\n');
	}
	return xstrdup("/");
}

/* The controllers of a v1 mount: the super options that are none of the general ones. */
static void host_controllers(const char *options, char *ret, size_t room)
{
	static const char *const general[] = {"rw",
					      "ro",
					      "noprefix",
					      "clone_children",
					      "xattr",
					      "release_agent",
					      "cpuset_v2_mode"};
	char copy[HOST_FILE_BYTES];
	char *save = NULL;

	*ret = '\0';
	snprintf(copy, sizeof(copy), "%s", options);
	for (char *word = strtok_r(copy, ",\n", &save); word; word = strtok_r(NULL, ",\n", &save)) {
		bool is_general = false;

		for (size_t i = 0; i < sizeof(general) / sizeof(*general); i++)
			is_general |= !strncmp(word, general[i], strlen(general[i]));
		if (!is_general && strlen(ret) + strlen(word) + 2 < room)
			sprintf(ret + strlen(ret), "%s%s", *ret ? "," : "", word);
	}
}

static void host_add_dir(struct cgroup_host *h, const char *mount, const char *controllers,
			 const char *wanted, const char *own_table)
{
	struct cgroup_host_dir *d = &h->at[h->count];
	auto_free char *own = *wanted == '/' ? xstrdup("") : host_own_path(own_table, controllers);

	/* The first mount of a hierarchy is the host's; further ones are somebody's bind mounts. */
	for (size_t i = 0; i < h->count; i++) {
		if (!strcmp(h->at[i].controllers, controllers))
			return;
	}
	if (h->count == CGROUP_HOST_MAX)
		return;
	*d = (struct cgroup_host_dir){
		.path = xasprintf("%s%s%s%s", mount, strcmp(own, "/") ? own : "",
				  *wanted == '/' ? "" : "/", wanted),
		.mount = xstrdup(mount),
		.controllers = xstrdup(controllers),
	};
	h->count++;
}

static void host_take_mount(struct cgroup_host *h, char *line, const char *wanted,
			    const char *own_table)
{
	char point[1024], type[32], options[2048], controllers[256];
	char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%*s %*s %*s %*s %1023s", point) != 1 ||
	    sscanf(tail, " - %31s %*s %2047s", type, options) != 2)
		return;
	if (!strcmp(type, "cgroup2")) {
		h->is_v2 |= !strcmp(point, "/sys/fs/cgroup");
		host_add_dir(h, point, "", wanted, own_table);
	} else if (!strcmp(type, "cgroup")) {
		host_controllers(options, controllers, sizeof(controllers));
		host_add_dir(h, point, controllers, wanted, own_table);
	}
}

static bool host_is_clean(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2) {
		if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/'))
			return false;
	}
	return true;
}

int cgroup_host_find(const char *cgroups_path, const char *id, struct cgroup_host *ret,
		     struct err *e)
{
	const char *wanted = cgroups_path ? cgroups_path : id;
	auto_free char *mounts = NULL;
	auto_free char *own = NULL;
	struct cgroup_host h = {0};
	char *save = NULL;
	int r;

	if (!host_is_clean(wanted))
		return err_set(e, -EINVAL, "config.json: linux.cgroupsPath: '%s' has '..' in it",
			       wanted);
	r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", HOST_TABLE_BYTES, &mounts, NULL);
	if (r == 0)
		r = fd_read_file(AT_FDCWD, "/proc/self/cgroup", HOST_TABLE_BYTES, &own, NULL);
	if (r < 0)
		return err_sys(e, r, "finding the host's cgroups");
	for (char *line = strtok_r(mounts, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		host_take_mount(&h, line, wanted, own);
	*ret = h;
	return 0;
}

void cgroup_host_done(struct cgroup_host *h)
{
	for (size_t i = 0; h && i < h->count; i++) {
		free(h->at[i].path);
		free(h->at[i].mount);
		free(h->at[i].controllers);
	}
	if (h)
		*h = (struct cgroup_host){0};
}

static int host_write(const char *dir, const char *name, const char *value)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, value, strlen(value));
}

static bool host_has(const struct cgroup_host_dir *d, const char *controller, size_t size)
{
	for (const char *at = d->controllers; *at; at += strspn(at, ",")) {
		size_t have = strcspn(at, ",");

		if (have == size && !strncmp(at, controller, size))
			return true;
		at += have;
	}
	return false;
}

/* v1: no process enters a cpuset without CPUs and nodes; a new one has none. */
static void host_inherit_cpuset(const char *parent, const char *dir)
{
	static const char *const names[] = {"cpuset.cpus", "cpuset.mems"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		auto_free char *from = xasprintf("%s/%s", parent, names[i]);
		auto_free char *to = xasprintf("%s/%s", dir, names[i]);
		auto_free char *text = NULL;
		auto_free char *have = NULL;

		if (fd_read_file(AT_FDCWD, to, HOST_FILE_BYTES, &have, NULL) == 0 &&
		    strspn(have, "\n ") == strlen(have) &&
		    fd_read_file(AT_FDCWD, from, HOST_FILE_BYTES, &text, NULL) == 0)
			(void)host_write(dir, names[i], text);
	}
}

/* v2: a controller is there for a cgroup only if every one above hands it down; one that is not
 * there or cannot be is no reason to fail, its limit will be. */
static void host_hand_down(const char *parent)
{
	char controls[] = HOST_UNIFIED_CONTROLS;
	char *save = NULL;

	for (char *one = strtok_r(controls, " ", &save); one; one = strtok_r(NULL, " ", &save))
		(void)host_write(parent, "cgroup.subtree_control", one);
}

static int host_make_one(const struct cgroup_host *h, const struct cgroup_host_dir *d)
{
	auto_free char *path = xstrdup(d->path);
	size_t at = strlen(d->mount);
	bool is_cpuset = host_has(d, "cpuset", 6);

	while (path[at]) {
		size_t next = at + strspn(path + at, "/");
		size_t end = next + strcspn(path + next, "/");
		auto_free char *parent = xstrndup(path, at);
		char kept = path[end];

		if (end == next)
			break;
		path[end] = '\0';
		if (h->is_v2 && !*d->controllers)
			host_hand_down(parent);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (is_cpuset)
			host_inherit_cpuset(parent, path);
		path[end] = kept;
		at = end;
	}
	return 0;
}

int cgroup_host_make(const struct cgroup_host *h, struct err *e)
{
	for (size_t i = 0; i < h->count; i++) {
		int r = host_make_one(h, &h->at[i]);

		if (r < 0)
			return err_sys(e, r, "making the cgroup '%s'", h->at[i].path);
	}
	return 0;
}

static const struct cgroup_host_dir *host_dir_of(const struct cgroup_host *h, const char *file)
{
	size_t size = strcspn(file, ".");

	for (size_t i = 0; i < h->count; i++) {
		if (h->is_v2 ? !*h->at[i].controllers : host_has(&h->at[i], file, size))
			return &h->at[i];
	}
	return NULL;
}

int cgroup_host_limit(const struct cgroup_host *h, const struct oci_resources *r,
		      const struct cgroup_overhead *overhead, struct err *e)
{
	struct guest_pairs files;
	int rc = 0;

	cgroup_limits_of_host(r, overhead, h->is_v2, &files);
	for (uint32_t i = 0; !rc && i < files.count; i++) {
		const struct guest_pair *p = &files.at[i];
		const struct cgroup_host_dir *d = host_dir_of(h, p->name);

		rc = d ? host_write(d->path, p->name, p->value) : -ENOENT;
		if (rc == -ENOENT) {
			log_warn("the host has no cgroup file '%s': the limit holds in the VM only",
				 p->name);
			rc = 0;
		} else if (rc < 0) {
			err_sys(e, rc, "cgroup: writing '%s' to %s/%s", p->value, d->path, p->name);
		}
	}
	cgroup_pairs_done(&files);
	return rc;
}

int cgroup_host_enter(const struct cgroup_host *h, struct err *e)
{
	for (size_t i = 0; i < h->count; i++) {
		int r = host_write(h->at[i].path, "cgroup.procs", "0");

		/* cgroups(7), delegation: nobody moves a process from outside of what is his. */
		if (h->is_users && (r == -EACCES || r == -EPERM))
			log_warn("the cgroup '%s' may not be entered: limits hold in the VM only",
				 h->at[i].path);
		else if (r < 0)
			return err_sys(e, r, "entering the cgroup '%s'", h->at[i].path);
	}
	return 0;
}

int cgroup_host_save(const struct cgroup_host *h, int state_dirfd, struct err *e)
{
	auto_close int fd =
		openat(state_dirfd, HOST_LIST_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : 0;

	for (size_t i = 0; !r && i < h->count; i++) {
		auto_free char *line = xasprintf("%s\n", h->at[i].path);

		r = fd_write_all(fd, line, strlen(line));
	}
	return r < 0 ? err_sys(e, r, "writing the list of cgroups") : 0;
}

/* The hierarchy that a path is in. */
static struct cgroup_host_dir *host_find_mount(struct cgroup_host *h, const char *path)
{
	struct cgroup_host_dir *best = NULL;

	for (size_t i = 0; i < h->count; i++) {
		size_t size = strlen(h->at[i].mount);

		if (!strncmp(path, h->at[i].mount, size) && path[size] == '/' &&
		    (!best || size > strlen(best->mount)))
			best = &h->at[i];
	}
	return best;
}

/* Hierarchies that the container is not in. */
static void host_drop_unsaved(struct cgroup_host *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (h->at[i].is_saved) {
			h->at[kept++] = h->at[i];
			continue;
		}
		free(h->at[i].path);
		free(h->at[i].mount);
		free(h->at[i].controllers);
	}
	h->count = kept;
}

int cgroup_host_load(int state_dirfd, struct cgroup_host *ret, struct err *e)
{
	auto_free char *list = NULL;
	char *save = NULL;
	int r = fd_read_file(state_dirfd, HOST_LIST_NAME, HOST_TABLE_BYTES, &list, NULL);

	if (r < 0)
		return err_sys(e, r, "reading the list of cgroups");
	r = cgroup_host_find("/", "", ret, e);
	if (r < 0)
		return r;
	for (char *path = strtok_r(list, "\n", &save); path; path = strtok_r(NULL, "\n", &save)) {
		struct cgroup_host_dir *d = host_find_mount(ret, path);

		if (!d)
			continue;
		free(d->path);
		d->path = xstrdup(path);
		d->is_saved = true;
	}
	host_drop_unsaved(ret);
	return 0;
}

void cgroup_host_keep(const struct cgroup_host *h, const struct oci_resources *r,
		      const struct cgroup_overhead *overhead, struct guest_pairs *ret)
{
	struct guest_pairs files;

	*ret = (struct guest_pairs){0};
	cgroup_limits_of_host(r, overhead, h->is_v2, &files);
	ret->at = xcalloc(files.count, sizeof(*ret->at));
	for (uint32_t i = 0; i < files.count; i++) {
		const struct cgroup_host_dir *d = host_dir_of(h, files.at[i].name);
		auto_free char *path = d ? xasprintf("%s/%s", d->path, files.at[i].name) : NULL;
		char *value = NULL;

		if (!path || fd_read_file(AT_FDCWD, path, HOST_FILE_BYTES, &value, NULL) < 0)
			continue;
		ret->at[ret->count++] = (struct guest_pair){.name = take_ptr(path), .value = value};
	}
	cgroup_pairs_done(&files);
}

void cgroup_host_restore(const struct guest_pairs *kept)
{
	for (uint32_t i = kept->count; i > 0; i--) {
		const struct guest_pair *p = &kept->at[i - 1];
		auto_close int fd = open(p->name, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || fd_write_all(fd, p->value, strlen(p->value)) < 0)
			log_warn("cgroup: putting '%s' back failed", p->name);
	}
}

static int host_remove_one(const char *path)
{
	const struct timespec pause = {.tv_nsec = HOST_REMOVE_WAIT_NS};

	for (int i = 0; i < HOST_REMOVE_TRIES; i++) {
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

int cgroup_host_remove(int state_dirfd)
{
	auto_free char *list = NULL;
	char *save = NULL;
	int result = 0;
	int r = fd_read_file(state_dirfd, HOST_LIST_NAME, HOST_TABLE_BYTES, &list, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (char *path = strtok_r(list, "\n", &save); path; path = strtok_r(NULL, "\n", &save)) {
		r = host_remove_one(path);
		result = result ? result : r;
	}
	return result;
}
