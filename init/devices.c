/* The device nodes of a container. Must not decide which of them may be used: the cgroup does. */
#include "init/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/inroot.h"
#include "init/mounts.h"
#include "init/userns.h"
#include "init/wording.h"
#include "lib/fd.h"

/* The defaults of the OCI runtime specification (config-linux.md, "Default Devices"). */
static const struct {
	const char *name;
	unsigned int minor;
	unsigned int major;
} devices_nodes[] = {
	{"null", 3, 1}, {"random", 8, 1}, {"full", 7, 1},
	{"tty", 0, 5},	{"zero", 5, 1},	  {"urandom", 9, 1},
};

static const struct {
	const char *name;
	const char *target;
} devices_links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

/* Where no node can be made (a shared /dev of a server without CAP_MKNOD): the machine's own. */
static int devices_bind(int root_fd, const char *name)
{
	char path[32];
	char proc[MOUNTS_FD_PATH_BYTES];
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = inroot_make(root_fd, path, true);
	if (fd < 0)
		return fd;
	mounts_fd_path(proc, fd);
	return mount(path, proc, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static int devices_make_node(int root_fd, int dev_fd, const char *name, dev_t number)
{
	if (mknodat(dev_fd, name, S_IFCHR | 0666, number) == 0)
		return 0; /* it belongs to whoever makes it: the container's root */
	if (errno == EEXIST)
		return 0;
	return errno == EPERM ? devices_bind(root_fd, name) : -errno;
}

/* The directory of `path` and its last name. */
static int devices_open_parent(int root_fd, const char *path, const char **ret_name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;

	*ret_name = slash ? slash + 1 : path;
	if (size >= sizeof(parent) || !**ret_name)
		return -EINVAL;
	memcpy(parent, path, size);
	parent[size] = '\0';
	return inroot_make(root_fd, size ? parent : "/", false);
}

static int devices_make_asked(int root_fd, const struct guest_container *c,
			      const struct guest_device *d)
{
	mode_t type = d->type == 'b' ? S_IFBLK : d->type == 'c' ? S_IFCHR : S_IFIFO;
	const char *name;
	struct stat st;
	auto_close int dir = devices_open_parent(root_fd, d->path, &name);

	if (dir < 0)
		return dir;
	/* The same device may be there from the container's last life; what else is there stays. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if ((st.st_mode & S_IFMT) != type ||
		    (type != S_IFIFO && !d->disk && st.st_rdev != makedev(d->major, d->minor)))
			return -EEXIST;
		if (unlinkat(dir, name, 0) < 0)
			return -errno;
	}
	if (mknodat(dir, name, type | (d->mode & 07777), makedev(d->major, d->minor)) < 0 ||
	    fchownat(dir, name, userns_uid(c, d->uid), userns_gid(c, d->gid), AT_SYMLINK_NOFOLLOW) <
		    0)
		return -errno;
	/* Changing the owner clears the set-id bits, the umask others. */
	return fchmodat(dir, name, d->mode & 07777, 0) < 0 ? -errno : 0;
}

static int devices_make_all_asked(int root_fd, const struct guest_container *c, struct err *e)
{
	for (uint32_t i = 0; i < c->device_count; i++) {
		int r = devices_make_asked(root_fd, c, &c->devices[i]);

		if (r < 0)
			return err_set(e, r, "error creating device nodes: mknod %s: %s",
				       c->devices[i].path, wording_errno(-r));
	}
	return 0;
}

static int devices_make_links(int dev_fd, struct err *e)
{
	/* The kernel may be built without kcore: then there is nothing to link to. */
	size_t count =
		sizeof(devices_links) / sizeof(*devices_links) - (access("/proc/kcore", F_OK) != 0);

	for (size_t i = 0; i < count; i++) {
		if (symlinkat(devices_links[i].target, dev_fd, devices_links[i].name) < 0 &&
		    errno != EEXIST)
			return err_set(e, -errno,
				       "error setting up /dev symlinks: symlink %s /dev/%s: %s",
				       devices_links[i].target, devices_links[i].name,
				       wording_errno(errno));
	}
	/* The container's own devpts instance, whatever was there. */
	if ((unlinkat(dev_fd, "ptmx", 0) < 0 && errno != ENOENT) ||
	    symlinkat("pts/ptmx", dev_fd, "ptmx") < 0)
		return err_set(e, -errno, "error setting up ptmx: %s", wording_errno(errno));
	return 0;
}

int devices_make(int root_fd, const struct guest_container *c, struct err *e)
{
	auto_close int fd = inroot_make(root_fd, "/dev", false);
	int r = devices_make_all_asked(root_fd, c, e);

	if (r < 0)
		return r;
	if (fd < 0)
		return err_set(e, fd, "error creating device nodes: mkdir /dev: %s",
			       wording_errno(-fd));
	for (size_t i = 0; i < sizeof(devices_nodes) / sizeof(*devices_nodes); i++) {
		r = devices_make_node(root_fd, fd, devices_nodes[i].name,
				      makedev(devices_nodes[i].major, devices_nodes[i].minor));
		if (r < 0)
			return err_set(e, r, "error creating device nodes: mknod /dev/%s: %s",
				       devices_nodes[i].name, wording_errno(-r));
	}
	return devices_make_links(fd, e);
}
