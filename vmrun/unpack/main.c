/* vmrun-unpack ARCHIVE DIR: the root file system of an image, for `vmrun --root`.
 *
 * A program of its own, since what it reads is anybody's: it has the archive and DIR, which should
 * be empty and on a file system of its own, and nothing else. It makes
 *
 *   DIR/root         the image's layers, one above the other
 *   DIR/image.json   its configuration; empty for a plain tar of a root file system
 *   DIR/blobs        is empty afterwards
 *
 * and ends with 0, or 1 and one line. */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "vmrun/unpack/blobs.h"
#include "vmrun/unpack/layer.h"
#include "vmrun/unpack/manifest.h"

/* What the largest windows of the compressions and the names of a large image need, several times
 * over. */
#define UNPACK_MEMORY_BYTES (1ull << 30)

struct unpack {
	int archive_fd;
	int config_fd;
	struct blobs blobs;
};

/* DIR becomes all of the file system there is: what has come out of the image's root ends here. */
static int unpack_leave_host(const char *dir)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(dir, dir, NULL, MS_BIND, NULL) < 0 || chdir(dir) < 0)
		return -errno;
	/* The old root is on top of the new one, and goes. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/* Directories are opened in the new root only: ".." of an older one would lead to the host's. */
static int unpack_open(struct unpack *u, const char *archive, const char *dir, struct err *e)
{
	int r;

	u->archive_fd = open(archive, O_RDONLY | O_CLOEXEC);
	if (u->archive_fd < 0)
		return err_set(e, -errno, "'%s': %s", archive, strerror(errno));
	r = unpack_leave_host(dir);
	if (r < 0)
		return err_sys(e, r, "making '%s' the root", dir);
	if (mkdir("root", 0755) < 0 || mkdir("blobs", 0700) < 0)
		return err_sys(e, -errno, "making '%s'", dir);
	u->config_fd = open("image.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	u->blobs.dirfd = open("blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->config_fd < 0 || u->blobs.dirfd < 0)
		return err_sys(e, -errno, "making '%s'", dir);
	return 0;
}

/* An archive does not decide how much of the host's memory it gets. */
static int unpack_limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose shadow is terabytes */
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) < 0)
		return -errno;
	if (limit.rlim_max > UNPACK_MEMORY_BYTES)
		limit.rlim_max = UNPACK_MEMORY_BYTES;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_AS, &limit) < 0)
		return -errno;
#endif
	return 0;
}

/* The image's own root is all there is from here on, and what is needed to write files of other
 * users all that may be done. */
static int unpack_confine(struct err *e)
{
	static const cap_value_t kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
					   CAP_SETFCAP};
	const int count = sizeof(kept) / sizeof(*kept);
	cap_t caps = cap_init();
	int r = unpack_limit_memory();

	(void)unshare(CLONE_NEWNET | CLONE_NEWIPC); /* best effort, it has no use for them */
	if (r == 0 && (chroot("root") < 0 || chdir("/") < 0))
		r = -errno;
	umask(022);
	if (r == 0 && (!caps || cap_set_flag(caps, CAP_PERMITTED, count, kept, CAP_SET) < 0 ||
		       cap_set_flag(caps, CAP_EFFECTIVE, count, kept, CAP_SET) < 0 ||
		       cap_set_proc(caps) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0))
		r = -errno;
	cap_free(caps);
	return r < 0 ? err_sys(e, r, "entering the image's root") : 0;
}

static int unpack_begin(int fd, struct archive **ret, struct err *e)
{
	struct archive *a = blobs_new_reader();
	int r = 0;

	if (!a)
		return err_set(e, -ENOTSUP, "libarchive lacks a compression");
	if (lseek(fd, 0, SEEK_SET) < 0)
		r = err_sys(e, -errno, "an image has to be a file");
	else if (archive_read_open_fd(a, fd, BLOBS_CHUNK_BYTES) != ARCHIVE_OK)
		r = blobs_fail(a, "reading the image", e);
	if (r < 0)
		archive_read_free(a);
	else
		*ret = a;
	return r;
}

static bool unpack_is_image_name(const char *name)
{
	while (!strncmp(name, "./", 2))
		name += 2;
	return !strcmp(name, "manifest.json") || !strcmp(name, "oci-layout");
}

/* Looks at names only; images have theirs at the top. */
static int unpack_is_image(const struct unpack *u, bool *ret, struct err *e)
{
	struct archive *a;
	struct archive_entry *entry;
	size_t count = 0;
	int n = ARCHIVE_OK;
	int r = unpack_begin(u->archive_fd, &a, e);

	*ret = false;
	if (r < 0)
		return r;
	while (!*ret && (n = archive_read_next_header(a, &entry)) >= ARCHIVE_WARN &&
	       n != ARCHIVE_EOF) {
		const char *name = archive_entry_pathname(entry);

		*ret = name && unpack_is_image_name(name);
		count++;
	}
	if (n < ARCHIVE_WARN)
		r = blobs_fail(a, "reading the image", e);
	else if (!count)
		r = err_set(e, -EINVAL, "the archive is empty");
	archive_read_free(a);
	return r;
}

static int unpack_apply(int fd, bool is_layer, struct err *e)
{
	struct archive *a;
	int r = unpack_begin(fd, &a, e);

	if (r < 0)
		return r;
	r = layer_apply(a, is_layer, e);
	archive_read_free(a);
	return r;
}

/* Under this name, or perhaps by a link. */
static bool unpack_is_used_later(const struct unpack *u, const struct manifest *m, size_t i)
{
	for (size_t k = 0; k < u->blobs.count; k++) {
		if (u->blobs.at[k].alias)
			return true;
	}
	for (size_t k = i + 1; k < m->count; k++) {
		if (!strcmp(m->layers[k].name, m->layers[i].name))
			return true;
	}
	return false;
}

static int unpack_layer(struct unpack *u, const struct manifest *m, size_t i, struct err *e)
{
	const struct manifest_layer *layer = &m->layers[i];
	auto_close int fd = blobs_open(&u->blobs, layer->name, e);
	int r = fd < 0 ? fd : 0;

	if (r == 0 && layer->digest)
		r = blobs_check(fd, layer->name, layer->digest, false, e);
	if (r == 0)
		r = blobs_check(fd, layer->name, layer->diff_id, true, e);
	if (r == 0)
		r = unpack_apply(fd, true, e);
	if (r == 0 && !unpack_is_used_later(u, m, i))
		blobs_drop(&u->blobs, layer->name);
	return r;
}

static int unpack_image(struct unpack *u, struct err *e)
{
	struct manifest m = {0};
	struct archive *a;
	int r = unpack_begin(u->archive_fd, &a, e);

	if (r < 0)
		return r;
	r = blobs_save(&u->blobs, a, e);
	archive_read_free(a);
	if (r == 0)
		r = manifest_read(&u->blobs, &m, e);
	for (size_t i = 0; r == 0 && i < m.count; i++)
		r = unpack_layer(u, &m, i, e);
	for (size_t i = 0; i < u->blobs.count; i++)
		blobs_drop(&u->blobs, u->blobs.at[i].name);
	if (r == 0) {
		r = fd_write_all(u->config_fd, m.config, m.config_size);
		if (r < 0)
			r = err_sys(e, r, "writing the image's configuration");
	}
	manifest_done(&m);
	return r;
}

/* What every machine mounts something on: engines make these for a container, too. */
static void unpack_add_mount_points(void)
{
	static const char *const dirs[] = {"/proc", "/sys", "/dev", "/run"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		(void)mkdir(dirs[i], 0755);
	if (mkdir("/tmp", 01777) == 0)
		(void)chmod("/tmp", 01777);
}

int main(int argc, char **argv)
{
	struct unpack u = {.archive_fd = -1, .config_fd = -1, .blobs = {.dirfd = -1}};
	bool is_image = false;
	struct err e;
	int r;

	if (argc != 3) {
		fprintf(stderr, "Usage: vmrun-unpack ARCHIVE DIR\n");
		return 1;
	}
	/* A directory of its caller's would lead out. Linux 5.9. */
	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	setlocale(LC_CTYPE, "C.UTF-8"); /* names are what they are */
	r = unpack_open(&u, argv[1], argv[2], &e);
	if (r == 0)
		r = unpack_confine(&e);
	if (r == 0)
		r = unpack_is_image(&u, &is_image, &e);
	if (r == 0)
		r = is_image ? unpack_image(&u, &e) : unpack_apply(u.archive_fd, false, &e);
	if (r == 0)
		unpack_add_mount_points();
	else
		fprintf(stderr, "%s\n", e.text);
	blobs_done(&u.blobs);
	fd_close(&u.archive_fd);
	fd_close(&u.config_fd);
	return r < 0;
}
