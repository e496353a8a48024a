/* Putting a helper's root together. jail_enter() and what it calls run between clone and exec:
 * system calls only, must not allocate or log. */
#include "runtime/sandbox/jail.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"

/* Room for the names alone: nobody can fill the host's memory through it. */
#define JAIL_TMPFS_OPTIONS "mode=0755,size=256k,nr_inodes=256"

void jail_init(struct jail *ret, const char *top, uid_t owner, gid_t group)
{
	*ret = (struct jail){.top = top, .owner = owner, .group = group};
}

static struct jail_item *jail_add(struct jail *j, enum jail_kind kind, const char *source,
				  const char *name)
{
	struct jail_item *item = &j->items[j->count++];

	/* The callers' lists are fixed. */
	assert(j->count <= JAIL_ITEM_MAX);
	item->kind = kind;
	item->source = source;
	snprintf(item->name, sizeof(item->name), "%s", name + strspn(name, "/"));
	return item;
}

void jail_add_tree(struct jail *j, const char *source, const char *name)
{
	struct stat st;

	if (stat(source, &st) == 0 && S_ISDIR(st.st_mode))
		jail_add(j, JAIL_TREE, source, name);
}

void jail_add_file(struct jail *j, const char *source, const char *name)
{
	jail_add(j, JAIL_FILE, source, name);
}

void jail_add_share(struct jail *j, const char *source, const char *name, bool is_readonly)
{
	jail_add(j, is_readonly ? JAIL_TREE : JAIL_SHARE, source, name);
}

void jail_add_proc(struct jail *j)
{
	jail_add(j, JAIL_PROC, NULL, "/proc");
}

int jail_add_device(struct jail *j, const char *source, const char *name)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	jail_add(j, JAIL_DEVICE, source, name)->device = st.st_rdev;
	return 0;
}

void jail_add_mount(struct jail *j, int child_fd, const char *name)
{
	jail_add(j, JAIL_MOUNT, NULL, name)->fd = child_fd;
}

/* The folder above that of the program: PREFIX of PREFIX/bin/program, or a build tree's top. Never
 * the host's root. */
static void jail_add_home(struct jail *j, const char *program, char *ret_home)
{
	char *slash;

	if (!realpath(program, ret_home) || !strncmp(ret_home, "/usr/", 5))
		return;
	for (int i = 0; i < 2; i++) {
		slash = strrchr(ret_home, '/');
		if (slash && slash != ret_home)
			*slash = '\0';
	}
	if (strlen(ret_home) < JAIL_NAME_MAX)
		jail_add_tree(j, ret_home, ret_home);
}

void jail_add_programs(struct jail *j, const char *program, char *ret_home)
{
	/* /nix and /gnu: where these distributions keep everything. */
	static const char *const trees[] = {"/usr", "/nix/store", "/gnu/store"};
	static const struct {
		const char *name;
		const char *merged;
	} links[] = {{"/lib", "usr/lib"},
		     {"/lib64", "usr/lib64"},
		     {"/lib32", "usr/lib32"},
		     {"/bin", "usr/bin"}};
	struct stat st;

	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++)
		jail_add_tree(j, trees[i], trees[i]);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (lstat(links[i].name, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode))
			jail_add(j, JAIL_LINK, links[i].merged, links[i].name);
		else
			jail_add_tree(j, links[i].name, links[i].name);
	}
	if (access("/etc/ld.so.cache", R_OK) == 0)
		jail_add_file(j, "/etc/ld.so.cache", "/etc/ld.so.cache");
	/* Links of a package may lead through here to a library. */
	jail_add_tree(j, "/etc/alternatives", "/etc/alternatives");
	jail_add_home(j, program, ret_home);
}

int jail_open_dir(const char *path, int want)
{
	auto_close int copy = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	auto_close int fd = -1;
	struct stat st;
	struct stat wanted;

	/* The copy's own descriptor is O_PATH. */
	if (copy >= 0)
		fd = openat(copy, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || (want >= 0 && fstat(want, &wanted) < 0))
		return -errno;
	if (want >= 0 && (st.st_ino != wanted.st_ino || st.st_dev != wanted.st_dev))
		return -ESTALE;
	return take_fd(fd);
}

static int jail_make_parents(int root, const char *name)
{
	char path[JAIL_NAME_MAX];

	for (size_t i = 0; name[i]; i++) {
		path[i] = name[i];
		if (name[i] != '/')
			continue;
		path[i] = '\0';
		if (mkdirat(root, path, 0755) < 0 && errno != EEXIST)
			return -errno;
		path[i] = '/';
	}
	return 0;
}

/* The attributes are on before the copy can be reached by a name. */
static int jail_place_copy(int root, const struct jail_item *item)
{
	bool is_tree = item->kind == JAIL_TREE || item->kind == JAIL_SHARE;
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID |
					      (item->kind == JAIL_SHARE ? 0U : MOUNT_ATTR_RDONLY) |
					      (item->kind == JAIL_DEVICE ? 0U : MOUNT_ATTR_NODEV)};
	auto_close int target = -1;
	auto_close int copy =
		open_tree(AT_FDCWD, item->source,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (is_tree ? AT_RECURSIVE : 0U));

	if (copy < 0 || mount_setattr(copy, "", AT_EMPTY_PATH | (is_tree ? AT_RECURSIVE : 0U),
				      &attr, sizeof(attr)) < 0)
		return -errno;
	if (is_tree) {
		if (mkdirat(root, item->name, 0755) < 0 && errno != EEXIST)
			return -errno;
	} else {
		target = openat(root, item->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		if (target < 0)
			return -errno;
	}
	return move_mount(copy, "", root, item->name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* In a user namespace no node can be made: the host's own takes its place, with its rights. */
static int jail_place_device(const struct jail *j, int root, const struct jail_item *item)
{
	if (mknodat(root, item->name, S_IFCHR | 0600, item->device) == 0)
		return fchownat(root, item->name, j->owner, j->group, AT_SYMLINK_NOFOLLOW) < 0
			       ? -errno
			       : 0;
	return errno == EPERM ? jail_place_copy(root, item) : -errno;
}

/* Neither sysctls nor other users' processes. */
static int jail_place_proc(int root, const char *name)
{
	const unsigned int attr =
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	auto_close int fs = fsopen("proc", FSOPEN_CLOEXEC);
	auto_close int copy = -1;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "subset", "pid", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "hidepid", "invisible", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	copy = fsmount(fs, FSMOUNT_CLOEXEC, attr);
	if (copy < 0 || mkdirat(root, name, 0555) < 0)
		return -errno;
	return move_mount(copy, "", root, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

static int jail_place_mount(int root, const struct jail_item *item)
{
	if (mkdirat(root, item->name, 0755) < 0 ||
	    move_mount(item->fd, "", root, item->name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	close(item->fd);
	return 0;
}

static int jail_place(const struct jail *j, int root, const struct jail_item *item)
{
	int r = jail_make_parents(root, item->name);

	if (r < 0)
		return r;
	switch (item->kind) {
	case JAIL_TREE:
	case JAIL_SHARE:
	case JAIL_FILE:
		return jail_place_copy(root, item);
	case JAIL_PROC:
		return jail_place_proc(root, item->name);
	case JAIL_LINK:
		return symlinkat(item->source, root, item->name) < 0 ? -errno : 0;
	case JAIL_DEVICE:
		return jail_place_device(j, root, item);
	case JAIL_MOUNT:
		return jail_place_mount(root, item);
	case JAIL_KIND_COUNT:
		break;
	}
	return -EINVAL;
}

static int jail_pivot(int root, const char **ret_stage)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	*ret_stage = "making its root read-only";
	if (mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	*ret_stage = "pivoting to its root";
	/* pivot_root(2): with both names the same the old root ends on top of the new one. */
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	*ret_stage = "dropping the host's root";
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int jail_enter(const struct jail *j, const char **ret_stage)
{
	auto_close int root = -1;
	mode_t mask = umask(0);

	*ret_stage = "mounting its root";
	if (mount("vmrt-jail", j->top, "tmpfs", MS_NOSUID | MS_NOEXEC, JAIL_TMPFS_OPTIONS) < 0)
		return -errno;
	root = open(j->top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	for (size_t i = 0; i < j->count; i++) {
		int r = jail_place(j, root, &j->items[i]);

		*ret_stage = j->items[i].name;
		if (r < 0)
			return r;
	}
	umask(mask);
	return jail_pivot(root, ret_stage);
}
