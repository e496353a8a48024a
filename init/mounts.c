/* The container's mounts, as runc makes them. Must not decide which: the description does.
 *
 * Every destination is opened inside the root first and mounted on through /proc/self/fd, so that
 * a link in the image cannot lead a mount out of it, or change between the two. */
#include "init/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/copyup.h"
#include "init/cow.h"
#include "init/inroot.h"
#include "init/machine.h"
#include "init/sockets.h"
#include "init/userns.h"
#include "init/wording.h"
#include "lib/fd.h"

#define MOUNTS_DATA_BYTES   4096
#define MOUNTS_AT_RECURSIVE 0x8000 /* AT_RECURSIVE; musl's fcntl.h has none */

/* The kernel's struct mount_attr, whose header fights with sys/mount.h. */
struct mounts_attr {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation;
	uint64_t userns_fd;
};

void mounts_fd_path(char path[MOUNTS_FD_PATH_BYTES], int fd)
{
	snprintf(path, MOUNTS_FD_PATH_BYTES, "/proc/self/fd/%d", fd);
}

int mounts_call(const char *source, const char *destination, int fd, const char *type,
		uint64_t flags, const char *data, struct err *e)
{
	char path[MOUNTS_FD_PATH_BYTES];
	int number;

	mounts_fd_path(path, fd);
	if (mount(source, path, type, (unsigned long)flags, data) == 0)
		return 0;
	number = errno;
	return err_set(e, -number, "mount %s%s%s (via %s), flags: 0x%llx%s%s: %s", source,
		       *source ? ":" : "", destination, path, (unsigned long long)flags,
		       data && *data ? ", data: " : "", data ? data : "", wording_errno(number));
}

/* "/dev", "/dev/", "//dev/." name the same directory. */
static bool mounts_is_dev(const char *destination)
{
	char name[8] = "";
	size_t used = 0;

	for (const char *p = destination; *p;) {
		size_t skip = strspn(p, "/");
		size_t size = strcspn(p + skip, "/");

		p += skip;
		if (size && !(size == 1 && *p == '.')) {
			if (used || size >= sizeof(name))
				return false;
			memcpy(name, p, size);
			used = size;
		}
		p += size;
	}
	return !strcmp(name, "dev");
}

static bool mounts_is_tmpfs(const struct guest_mount *m)
{
	return m->kind == GUEST_MOUNT_FS && m->type && !strcmp(m->type, "tmpfs");
}

/* Read-only from the start would leave no way to put nodes or files into it. */
static bool mounts_is_late_readonly(const struct guest_mount *m)
{
	return (m->flags & MS_RDONLY) && m->kind != GUEST_MOUNT_BIND &&
	       (mounts_is_tmpfs(m) || mounts_is_dev(m->destination));
}

bool mounts_has_foreign_dev(const struct guest_container *c)
{
	for (uint32_t i = 0; i < c->mount_count; i++) {
		if (c->mounts[i].kind == GUEST_MOUNT_BIND &&
		    mounts_is_dev(c->mounts[i].destination))
			return true;
	}
	return false;
}

/* What is mounted on the destination now. */
static int mounts_open_top(int root_fd, const struct guest_mount *m, struct err *e)
{
	int fd = inroot_open(root_fd, m->destination, O_PATH);

	if (fd < 0)
		return err_set(e, fd, "open %s: %s", m->destination, wording_errno(-fd));
	return fd;
}

static int mounts_set_propagation(int root_fd, const struct guest_mount *m, struct err *e)
{
	auto_close int fd = -1;
	int r = 0;

	if (!m->propagation_count)
		return 0;
	fd = mounts_open_top(root_fd, m, e);
	if (fd < 0)
		return fd;
	for (uint8_t i = 0; !r && i < m->propagation_count; i++)
		r = mounts_call("", m->destination, fd, NULL, m->propagations[i], NULL, e);
	return r;
}

static int mounts_set_recursive(int root_fd, const struct guest_mount *m, struct err *e)
{
	struct mounts_attr attr = {.attr_set = m->rec_attr_set, .attr_clr = m->rec_attr_clr};
	auto_close int fd = -1;

	if (!attr.attr_set && !attr.attr_clr)
		return 0;
	fd = mounts_open_top(root_fd, m, e);
	if (fd < 0)
		return fd;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | MOUNTS_AT_RECURSIVE, &attr,
		    sizeof(attr)) < 0)
		return err_set(e, -errno, "mount_setattr %s: %s", m->destination,
			       wording_errno(errno));
	return 0;
}

static int mounts_make_destination(int root_fd, const struct guest_mount *m, struct err *e)
{
	int fd = inroot_make(root_fd, m->destination, m->kind == GUEST_MOUNT_BIND && m->is_file);

	if (fd < 0)
		return err_set(e, fd, "%s %s: %s", m->is_file ? "open" : "mkdir", m->destination,
			       wording_errno(-fd));
	return fd;
}

static int mounts_cow(const struct guest_container *c, const char *source,
		      const struct guest_mount *m, int fd, struct err *e)
{
	char path[MOUNTS_FD_PATH_BYTES];
	int r;

	mounts_fd_path(path, fd);
	r = cow_mount(source, path, c->has_foreign_files);
	return r < 0 ? err_set(e, r, "mount overlay:%s: %s", m->destination, wording_errno(-r)) : 0;
}

/* The kernel mounts what the host announces when it is entered, with the flags that the mount
 * around it has then. What cannot be entered (a file, one that is covered) is met later, as it is.
 */
static void mounts_enter_submounts(int root_fd, const struct guest_mount *m)
{
	for (uint32_t i = 0; i < m->submounts.count; i++) {
		char path[PATH_MAX];
		int size =
			snprintf(path, sizeof(path), "%s/%s", m->destination, m->submounts.at[i]);
		auto_close int fd = -1;

		if (size < (int)sizeof(path))
			fd = inroot_open(root_fd, path, O_PATH | O_DIRECTORY);
	}
}

static uint32_t mounts_socket_index(const struct guest_container *c, const struct guest_mount *m)
{
	uint32_t index = 0;

	for (const struct guest_mount *before = c->mounts; before < m; before++)
		index += before->is_socket;
	return index;
}

static int mounts_bind(int root_fd, const struct guest_container *c, const struct guest_mount *m,
		       struct err *e)
{
	const uint64_t plain = MS_BIND | MS_REC | MS_REMOUNT;
	auto_close int fd = mounts_make_destination(root_fd, m, e);
	auto_close int top = -1;
	char source[256];
	int r;

	if (fd < 0)
		return fd;
	if (m->is_socket)
		sockets_path(mounts_socket_index(c, m), source);
	else
		snprintf(source, sizeof(source), MACHINE_SHARE_DIR "/%s",
			 m->source ? m->source : "");
	if (m->is_cow)
		r = mounts_cow(c, source, m, fd, e);
	else
		r = mounts_call(source, m->destination, fd, NULL, MS_BIND | (m->flags & MS_REC),
				NULL, e);
	if (r < 0 || !(m->flags & ~plain))
		return r;
	mounts_enter_submounts(root_fd, m);
	/* Binding takes no other flags: they need the second call. */
	top = mounts_open_top(root_fd, m, e);
	if (top < 0)
		return top;
	return mounts_call("", m->destination, top, NULL, m->flags | MS_BIND | MS_REMOUNT, NULL, e);
}

/* A tmpfs over a directory that exists has its mode unless told otherwise. Returns `text` or the
 * mount's own data. */
static const char *mounts_tmpfs_data(const struct guest_mount *m, int existing_fd, char *text,
				     size_t room)
{
	struct stat st;
	const char *data = m->data ? m->data : "";

	if (existing_fd < 0 || fstat(existing_fd, &st) < 0)
		return m->data;
	snprintf(text, room, "mode=%04o%s%s", st.st_mode & 07777, *data ? "," : "", data);
	return text;
}

static int mounts_fs(int root_fd, const struct guest_mount *m, struct err *e)
{
	auto_close int existing = inroot_open(root_fd, m->destination, O_PATH);
	auto_close int fd = mounts_make_destination(root_fd, m, e);
	char text[MOUNTS_DATA_BYTES];
	const char *data = m->data;
	const char *type = m->kind == GUEST_MOUNT_CGROUP ? "cgroup2" : m->type;
	uint64_t flags = m->flags;

	if (fd < 0)
		return fd;
	if (mounts_is_tmpfs(m))
		data = mounts_tmpfs_data(m, existing, text, sizeof(text));
	if (mounts_is_late_readonly(m))
		flags &= ~(uint64_t)MS_RDONLY;
	if (mounts_is_tmpfs(m) && m->is_tmpcopyup)
		return copyup_mount(m, fd, flags, data, e);
	return mounts_call(m->source ? m->source : type, m->destination, fd, type, flags, data, e);
}

/* These two make their root directory for the process's own user, whatever its files' user is. */
static int mounts_give_to_root(int root_fd, const struct guest_container *c,
			       const struct guest_mount *m, struct err *e)
{
	auto_close int fd = -1;

	if (!c->uid_map.count || m->kind != GUEST_MOUNT_FS || !m->type ||
	    (strcmp(m->type, "devpts") && strcmp(m->type, "mqueue")))
		return 0;
	fd = mounts_open_top(root_fd, m, e);
	if (fd < 0)
		return fd;
	if (fchownat(fd, "", userns_uid(c, 0), userns_gid(c, 0), AT_EMPTY_PATH) < 0)
		return err_set(e, -errno, "chown %s: %s", m->destination, wording_errno(errno));
	return 0;
}

static int mounts_one(int root_fd, const struct guest_container *c, const struct guest_mount *m,
		      struct err *e)
{
	int r = m->kind == GUEST_MOUNT_BIND ? mounts_bind(root_fd, c, m, e)
					    : mounts_fs(root_fd, m, e);

	if (!r)
		r = mounts_give_to_root(root_fd, c, m, e);
	if (!r)
		r = mounts_set_propagation(root_fd, m, e);
	return r ? r : mounts_set_recursive(root_fd, m, e);
}

int mounts_apply(int root_fd, const struct guest_container *c, struct err *e)
{
	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct guest_mount *m = &c->mounts[i];
		int r = mounts_one(root_fd, c, m, e);
		char from[256];
		char to[512];

		if (r < 0)
			return err_prefix(
				e, r, "error mounting %s to rootfs at %s",
				wording_quote(from, sizeof(from), m->source ? m->source : ""),
				wording_quote(to, sizeof(to), m->destination));
	}
	return 0;
}

int mounts_finish(int root_fd, const struct guest_container *c, struct err *e)
{
	for (uint32_t i = 0; i < c->mount_count; i++) {
		const struct guest_mount *m = &c->mounts[i];
		auto_close int fd = -1;
		int r;

		if (!mounts_is_late_readonly(m))
			continue;
		fd = mounts_open_top(root_fd, m, e);
		if (fd < 0)
			return fd;
		r = mounts_call("", m->destination, fd, NULL, m->flags | MS_REMOUNT | MS_RDONLY,
				NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}
