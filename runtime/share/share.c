/* Builds the tree that a VM's virtiofsd exports. Must not know config.json, and must not run in
 * the host's mount namespace.
 *
 * Every source is cloned (open_tree) before the first mount appears, so that a source that holds
 * the state directory (-v /:/host) does not come to contain itself. No copy has devices: a node in
 * an image is the guest's to open, in its own kernel; virtiofsd and the monitor, root on the host,
 * could otherwise be made to open the host's. */
#include "runtime/share/share.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/share/covers.h"

#define SHARE_BIND_MAX	      4096
#define SHARE_MOUNTINFO_BYTES (16u << 20)

/* Character devices every Linux guest has by the same number and meaning. */
static bool share_is_pseudo_device(const struct stat *st)
{
	static const struct {
		unsigned int major;
		unsigned int minor;
	} known[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}};

	if (!S_ISCHR(st->st_mode))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (major(st->st_rdev) == known[i].major && minor(st->st_rdev) == known[i].minor)
			return true;
	}
	return false;
}

static int share_check_mode(struct share_bind *b, const struct stat *st, struct err *e)
{
	const char *kind;

	b->ret_is_file = !S_ISDIR(st->st_mode);
	b->ret_is_socket = false;
	if (b->is_cow && b->ret_is_file)
		return err_set(e, -ENOTDIR,
			       "error mounting \"%s\" to rootfs at \"%s\": only a directory can "
			       "be copied on write",
			       b->source, b->destination);
	if (S_ISDIR(st->st_mode) || S_ISREG(st->st_mode) || share_is_pseudo_device(st))
		return 0;
	if (S_ISSOCK(st->st_mode)) {
		b->ret_is_socket = true;
		b->ret_mode = st->st_mode & 07777;
		b->ret_uid = st->st_uid;
		b->ret_gid = st->st_gid;
		return 0;
	}
	if (S_ISFIFO(st->st_mode))
		kind = "a FIFO";
	else
		kind = "a device";
	return err_set(e, -EOPNOTSUPP,
		       "error mounting \"%s\" to rootfs at \"%s\": it is %s of the host, which a "
		       "VM cannot reach",
		       b->source, b->destination, kind);
}

/* The texts are runc's: engines and users know them. */
static int share_missing(const struct share_bind *b, int code, struct err *e)
{
	const char *why = strerror(-code);
	char lower[128];

	snprintf(lower, sizeof(lower), "%s", why);
	if (lower[0] >= 'A' && lower[0] <= 'Z')
		lower[0] = (char)(lower[0] - 'A' + 'a');
	return err_set(e, code, "error mounting \"%s\" to rootfs at \"%s\": stat %s: %s", b->source,
		       b->destination, b->source, lower);
}

int share_check_binds(struct share_bind *binds, size_t count, struct err *e)
{
	struct stat st;
	int r;

	if (count > SHARE_BIND_MAX)
		return err_set(e, -E2BIG, "%zu bind mounts are more than %d", count,
			       SHARE_BIND_MAX);
	for (size_t i = 0; i < count; i++) {
		if (binds[i].overlay_data)
			continue;
		if (stat(binds[i].source, &st) < 0)
			return share_missing(&binds[i], -errno, e);
		r = share_check_mode(&binds[i], &st, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Is the mount with this id shared with other namespaces? -errno when it cannot be told. */
static int share_mount_is_shared(uint64_t mount_id)
{
	auto_free char *text = NULL;
	char *line;
	char *next = NULL;
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", SHARE_MOUNTINFO_BYTES, &text, NULL);

	if (r < 0)
		return r;
	for (line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		uint64_t id;
		char *end;

		if (sscanf(line, "%" SCNu64, &id) != 1 || id != mount_id)
			continue;
		/* Optional fields stand before the lone dash; paths have no blanks (\040). */
		end = strstr(line, " - ");
		if (end)
			*end = '\0';
		return strstr(line, " shared:") != NULL;
	}
	return -ESRCH;
}

static int share_check_namespace(const char *dir, struct err *e)
{
	struct statx sx;
	int r;

	if (statx(AT_FDCWD, dir, AT_NO_AUTOMOUNT, STATX_MNT_ID, &sx) < 0)
		return err_sys(e, -errno, "share: '%s'", dir);
	r = share_mount_is_shared(sx.stx_mnt_id);
	if (r < 0)
		return err_sys(e, r, "share: finding the mount of '%s'", dir);
	if (r)
		return err_set(e, -EXDEV, "share: '%s' is not in a private mount namespace", dir);
	return 0;
}

/* What share_build() knows of the root. */
struct share_root {
	const char *source;
	bool is_cow;
	bool is_covered; /* what is mounted in it came along */
};

static int share_set_attr(int tree_fd, uint64_t set, uint64_t propagation, bool is_recursive)
{
	struct mount_attr attr = {.attr_set = set, .propagation = propagation};
	unsigned int flags = AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0);

	return mount_setattr(tree_fd, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

/* A detached copy of a directory for an overlay: without what is mounted in it, or with it where
 * the kernel insists. */
static int share_clone_cow(const char *source, bool *ret_is_covered)
{
	const unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd = open_tree(AT_FDCWD, source, flags);

	*ret_is_covered = fd < 0 && errno == EINVAL;
	return *ret_is_covered ? open_tree(AT_FDCWD, source, flags | AT_RECURSIVE) : fd;
}

/* A detached copy of the bundle's root with what is mounted in it. */
static int share_clone_root(struct share_root *root, int *ret_fd, struct err *e)
{
	const char *rootfs = root->source;
	auto_close int fd = root->is_cow
				    ? share_clone_cow(rootfs, &root->is_covered)
				    : open_tree(AT_FDCWD, rootfs,
						OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct stat st;
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "share: rootfs '%s'", rootfs);
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "share: rootfs '%s' is no directory", rootfs);
	r = share_set_attr(fd, MOUNT_ATTR_NODEV | (root->is_cow ? MOUNT_ATTR_RDONLY : 0),
			   MS_PRIVATE, true);
	if (r < 0)
		return err_sys(e, r, "share: detaching rootfs '%s'", rootfs);
	*ret_fd = take_fd(fd);
	return 0;
}

/* The very socket: what its path leads to later is of no account. */
static int share_open_socket(struct share_bind *b, struct err *e)
{
	auto_close int fd = open(b->source, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return share_missing(b, -errno, e);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, -ENOTSOCK, "share: '%s' is no socket any more", b->source);
	b->ret_socket_fd = take_fd(fd);
	return 0;
}

static int share_clone_bind(struct share_bind *b, int *ret_fd, struct err *e)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			     (b->is_recursive && !b->is_cow ? AT_RECURSIVE : 0);
	auto_close int fd = b->is_cow ? share_clone_cow(b->source, &b->ret_is_covered)
				      : open_tree(AT_FDCWD, b->source, flags);
	struct stat st;
	int r;

	if (fd < 0)
		return share_missing(b, -errno, e);
	if (fstat(fd, &st) < 0)
		return share_missing(b, -errno, e);
	if (S_ISSOCK(st.st_mode))
		return err_set(e, -ENOTSUP, "share: '%s' is a socket now", b->source);
	r = share_check_mode(b, &st, e);
	if (r < 0)
		return r;
	r = share_set_attr(fd, MOUNT_ATTR_NODEV, b->is_slave ? 0 : MS_PRIVATE, true);
	if (r < 0)
		return err_sys(e, r, "share: detaching '%s'", b->source);
	if (b->is_readonly || b->is_readonly_rec || b->is_cow) {
		r = share_set_attr(fd, MOUNT_ATTR_RDONLY, 0, b->is_readonly_rec);
		if (r < 0)
			return err_sys(e, r, "share: making '%s' read-only", b->source);
	}
	*ret_fd = take_fd(fd);
	return 0;
}

/* The tmpfs that carries the mount points. Read-only as soon as they are made: what the guest
 * could write there would be the host's memory. Returns its directory. */
static int share_make_top(const char *dir, const struct share_bind *binds, size_t count,
			  int *ret_fd, struct err *e)
{
	auto_close int top = -1;
	auto_close int fd = -1;
	char name[40];

	if (mount("vmrt", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") < 0)
		return err_sys(e, -errno, "share: mounting a tmpfs on '%s'", dir);
	top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return err_sys(e, -errno, "share: '%s'", dir);
	if (mkdirat(top, "rootfs", 0755) < 0 || mkdirat(top, "mounts", 0755) < 0 ||
	    covers_make(top) < 0)
		return err_sys(e, -errno, "share: making mount points in '%s'", dir);
	for (size_t i = 0; i < count; i++) {
		if (binds[i].ret_is_socket)
			continue;
		snprintf(name, sizeof(name), "mounts/%zu", i);
		if (binds[i].ret_is_file) {
			fd = openat(top, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
			if (fd < 0)
				return err_sys(e, -errno, "share: making '%s'", name);
			fd_close(&fd);
		} else if (mkdirat(top, name, 0755) < 0) {
			return err_sys(e, -errno, "share: making '%s'", name);
		}
	}
	*ret_fd = take_fd(top);
	return 0;
}

static int share_place(int top, const char *name, int tree_fd, struct err *e)
{
	if (move_mount(tree_fd, "", top, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, -errno, "share: placing '%s'", name);
	return 0;
}

/* The name in the share says where it ends up: an overlay has no source to be cloned. */
static int share_place_overlay(const char *dir, const char *name, const struct share_bind *b,
			       struct err *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	unsigned long flags = MS_NODEV | (b->is_readonly || b->is_readonly_rec ? MS_RDONLY : 0);

	if (mount("overlay", path, "overlay", flags, b->overlay_data) < 0)
		return err_set(e, -errno,
			       "error mounting \"%s\" to rootfs at \"%s\": mounting the overlay on "
			       "the host (%s): %s",
			       b->source, b->destination, b->overlay_data, strerror(errno));
	return 0;
}

/* After all of them are placed: covers are put over what can be reached by a path. */
static int share_cover_all(int top, const struct share_root *root, const struct share_bind *binds,
			   size_t count, struct err *e)
{
	int r = root->is_covered ? covers_place(top, "rootfs", root->source, e) : 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		char name[40];

		snprintf(name, sizeof(name), "mounts/%zu", i);
		if (binds[i].ret_is_covered)
			r = covers_place(top, name, binds[i].source, e);
	}
	return r;
}

static int share_place_all(const char *dir, const struct share_root *root, int root_fd,
			   const int *fds, const struct share_bind *binds, size_t count,
			   struct err *e)
{
	auto_close int top = -1;
	char name[40];
	int r;

	r = share_make_top(dir, binds, count, &top, e);
	if (r < 0)
		return r;
	r = share_place(top, "rootfs", root_fd, e);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (binds[i].ret_is_socket)
			continue;
		snprintf(name, sizeof(name), "mounts/%zu", i);
		r = binds[i].overlay_data ? share_place_overlay(dir, name, &binds[i], e)
					  : share_place(top, name, fds[i], e);
	}
	if (r == 0)
		r = share_cover_all(top, root, binds, count, e);
	if (r < 0)
		return r;
	r = share_set_attr(top, MOUNT_ATTR_RDONLY, 0, false);
	return r < 0 ? err_sys(e, r, "share: making '%s' read-only", dir) : 0;
}

int share_build(const char *dir, const char *rootfs, bool is_root_cow, struct share_bind *binds,
		size_t count, bool *ret_is_flat, struct err *e)
{
	struct share_root root = {.source = rootfs, .is_cow = is_root_cow};
	auto_close int root_fd = -1;
	int *fds;
	size_t have = 0;
	int r;

	if (count > SHARE_BIND_MAX)
		return err_set(e, -E2BIG, "%zu bind mounts are more than %d", count,
			       SHARE_BIND_MAX);
	r = share_check_namespace(dir, e);
	if (r < 0)
		return r;
	r = share_clone_root(&root, &root_fd, e);
	if (r < 0)
		return r;
	*ret_is_flat = root.is_covered;
	fds = xcalloc(count, sizeof(*fds));
	while (have < count && r == 0) {
		fds[have] = -1;
		binds[have].ret_socket_fd = -1;
		if (binds[have].ret_is_socket)
			r = share_open_socket(&binds[have], e);
		else if (!binds[have].overlay_data)
			r = share_clone_bind(&binds[have], &fds[have], e);
		*ret_is_flat = *ret_is_flat || binds[have].ret_is_covered;
		if (r == 0)
			have++;
	}
	if (r == 0)
		r = share_place_all(dir, &root, root_fd, fds, binds, count, e);
	for (size_t i = 0; i < have; i++)
		fd_close(&fds[i]);
	free(fds);
	return r;
}
