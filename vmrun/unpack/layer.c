/* Applying a layer. Must not be called outside of a chroot: links are followed, as an image may
 * have them, and lead nowhere else because of it. */
#include "vmrun/unpack/layer.h"

#include <archive_entry.h>
#include <errno.h>
#include <fts.h>
#include <ftw.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"
#include "vmrun/unpack/blobs.h"

#define LAYER_WHITEOUT ".wh."
#define LAYER_OPAQUE   ".wh..wh..opq"
#define LAYER_AUFS     ".wh..wh."
#define LAYER_WALK_FDS 16
#define LAYER_DISK_OPTIONS                                                                         \
	(ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |                     \
	 ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_SECURE_NODOTDOT)

struct layer {
	struct archive *from;
	struct archive *disk;
	void *unpacked; /* tsearch: paths of this layer, which an opaque directory keeps */
	bool is_layer;
};

/* "./etc//passwd/" as "etc/passwd", "/" as "."; owned. NULL: it has "..", or is empty. */
static char *layer_clean(const char *name)
{
	auto_free char *copy = xstrdup(name);
	auto_free char *clean = xcalloc(strlen(name) + 3, 1);
	char *end = clean;
	char *save = NULL;

	if (!*name)
		return NULL;
	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (!strcmp(part, ".."))
			return NULL;
		if (!strcmp(part, "."))
			continue;
		if (end != clean)
			*end++ = '/';
		end = stpcpy(end, part);
	}
	return *clean ? take_ptr(clean) : xstrdup(".");
}

static int layer_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* With its parents: a layer need not list them. */
static void layer_remember(struct layer *l, const char *path)
{
	auto_free char *copy = xstrdup(path);

	for (char *end = copy + strlen(copy); end; end = strrchr(copy, '/')) {
		char *one;
		char **found;

		*end = '\0';
		one = xstrdup(copy);
		found = tsearch(one, &l->unpacked, layer_compare);
		if (!found)
			abort();
		if (*found != one) {
			free(one);
			return; /* so are its parents */
		}
	}
}

static int layer_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int layer_remove(const char *path, struct err *e)
{
	if (nftw(path, layer_remove_one, LAYER_WALK_FDS, FTW_DEPTH | FTW_PHYS) < 0 &&
	    errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, -errno, "removing '%s' of the image", path);
	return 0;
}

/* Goes on with the names below it only if the layer has some of them. */
static int layer_empty_one(const struct layer *l, FTS *tree, FTSENT *at, struct err *e)
{
	const char *name = !strncmp(at->fts_path, "./", 2) ? at->fts_path + 2 : at->fts_path;

	if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR)
		return err_sys(e, -at->fts_errno, "reading '%s' of the image", name);
	if (at->fts_level == FTS_ROOTLEVEL || at->fts_info == FTS_DP ||
	    tfind(name, &l->unpacked, layer_compare))
		return 0;
	(void)fts_set(tree, at, FTS_SKIP);
	return layer_remove(name, e);
}

/* What lower layers have in a directory, and in those below it that this layer has as well. */
static int layer_empty(const struct layer *l, char *path, struct err *e)
{
	char *const paths[] = {path, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	FTSENT *at;
	int r = tree ? 0 : err_sys(e, -errno, "reading '%s' of the image", path);

	while (r == 0 && (errno = 0, at = fts_read(tree)))
		r = layer_empty_one(l, tree, at, e);
	if (r == 0 && errno)
		r = err_sys(e, -errno, "reading '%s' of the image", path);
	if (tree)
		fts_close(tree);
	return r;
}

/* `path` is cut at its last slash. */
static int layer_white_out(const struct layer *l, char *path, struct err *e)
{
	char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *hidden = name + strlen(LAYER_WHITEOUT);
	auto_free char *gone = NULL;
	char here[] = ".";

	if (!strcmp(name, LAYER_OPAQUE)) {
		if (slash)
			*slash = '\0';
		return layer_empty(l, slash ? path : here, e);
	}
	if (!strncmp(name, LAYER_AUFS, strlen(LAYER_AUFS)))
		return 0;
	if (!*hidden || !strcmp(hidden, ".") || !strcmp(hidden, ".."))
		return err_set(e, -EINVAL, "the image has a whiteout of nothing: '%s'", path);
	gone = slash ? xasprintf("%.*s/%s", (int)(slash - path), path, hidden) : xstrdup(hidden);
	return layer_remove(gone, e);
}

/* Directories stay when a directory comes, all else makes room. */
static int layer_make_room(const char *path, mode_t kind, struct err *e)
{
	struct stat st;

	if (!strcmp(path, ".") || lstat(path, &st) < 0)
		return 0;
	return S_ISDIR(st.st_mode) && kind == AE_IFDIR ? 0 : layer_remove(path, e);
}

static int layer_write(struct layer *l, struct archive_entry *entry, const char *path,
		       struct err *e)
{
	auto_free char *what = xasprintf("unpacking '%s'", path);
	const void *data;
	size_t size;
	la_int64_t offset;
	int n = archive_write_header(l->disk, entry);

	if (n < ARCHIVE_WARN)
		return blobs_fail(l->disk, what, e);
	while (archive_entry_size(entry) > 0 &&
	       (n = archive_read_data_block(l->from, &data, &size, &offset)) == ARCHIVE_OK) {
		if (archive_write_data_block(l->disk, data, size, offset) < ARCHIVE_WARN)
			return blobs_fail(l->disk, what, e);
	}
	if (n < ARCHIVE_WARN && n != ARCHIVE_EOF)
		return blobs_fail(l->from, what, e);
	/* A warning: an attribute that this file system does not have. */
	if (archive_write_finish_entry(l->disk) < ARCHIVE_WARN)
		return blobs_fail(l->disk, what, e);
	return 0;
}

static int layer_take(struct layer *l, struct archive_entry *entry, struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	const char *target = archive_entry_hardlink(entry);
	auto_free char *path = NULL;
	auto_free char *hard = NULL;
	mode_t kind = archive_entry_filetype(entry);
	const char *base;
	int r = blobs_check_names(entry, e);

	if (r < 0)
		return r;
	path = name ? layer_clean(name) : NULL;
	hard = target ? layer_clean(target) : NULL;
	if (!path || (target && !hard))
		return err_set(e, -EINVAL, "the image has a member that leads outside of it: '%s'",
			       path && target ? target
			       : name	      ? name
					      : "");
	base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (l->is_layer && !strncmp(base, LAYER_WHITEOUT, strlen(LAYER_WHITEOUT)))
		return layer_white_out(l, path, e);
	if (!target && (kind == AE_IFCHR || kind == AE_IFBLK || kind == AE_IFSOCK))
		return 0;
	layer_remember(l, path);
	/* Onto itself: nothing is to be done. */
	if (hard && !strcmp(hard, path))
		return 0;
	r = layer_make_room(path, target ? AE_IFREG : kind, e);
	if (r < 0)
		return r;
	archive_entry_set_pathname(entry, path);
	if (hard)
		archive_entry_set_hardlink(entry, hard);
	return layer_write(l, entry, path, e);
}

int layer_apply(struct archive *a, bool is_layer, struct err *e)
{
	struct layer l = {.from = a, .is_layer = is_layer, .disk = archive_write_disk_new()};
	struct archive_entry *entry;
	int r = 0;
	int n;

	if (!l.disk)
		return err_set(e, -ENOMEM, "out of memory");
	archive_write_disk_set_options(l.disk, LAYER_DISK_OPTIONS);
	while (r == 0 && (n = archive_read_next_header(a, &entry)) != ARCHIVE_EOF) {
		if (n < ARCHIVE_WARN)
			r = blobs_fail(a, "reading the image", e);
		else
			r = layer_take(&l, entry, e);
	}
	/* The times and modes of directories come last. */
	if (archive_write_close(l.disk) < ARCHIVE_WARN && r == 0)
		r = blobs_fail(l.disk, "unpacking the image", e);
	archive_write_free(l.disk);
	tdestroy(l.unpacked, free);
	return r;
}
