/* Keeping and checking members. Must not look into their formats. */
#include "vmrun/unpack/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define BLOBS_DIGEST_PREFIX "sha256:"
#define BLOBS_DIGEST_BYTES  32
#define BLOBS_ALIASES_MAX   8
#define BLOBS_EXCERPT_BYTES 40

static struct archive *blobs_new_decompressor(void)
{
	struct archive *a = archive_read_new();

	if (!a || archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK) {
		archive_read_free(a);
		return NULL;
	}
	return a;
}

struct archive *blobs_new_reader(void)
{
	struct archive *a = blobs_new_decompressor();

	if (!a || archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(a) != ARCHIVE_OK) {
		archive_read_free(a);
		return NULL;
	}
	return a;
}

int blobs_fail(struct archive *a, const char *what, struct err *e)
{
	const char *why = archive_error_string(a);

	return err_set(e, -EINVAL, "%s: %s", what, why ? why : "no archive");
}

int blobs_check_names(struct archive_entry *entry, struct err *e)
{
	const char *const names[] = {archive_entry_pathname(entry), archive_entry_hardlink(entry),
				     archive_entry_symlink(entry)};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i] && strlen(names[i]) >= PATH_MAX)
			return err_set(e, -ENAMETOOLONG,
				       "the image has a name of more than %d bytes: '%.*s...'",
				       PATH_MAX - 1, BLOBS_EXCERPT_BYTES, names[i]);
	}
	return 0;
}

static const char *blobs_plain_name(const char *name)
{
	while (!strncmp(name, "./", 2))
		name += 2;
	return name;
}

/* "a/b/layer.tar" with "../c/layer.tar": "a/c/layer.tar". Owned; NULL when it leads outside. */
static char *blobs_join(const char *name, const char *target)
{
	auto_free char *path = xstrdup(name);
	char *slash = strrchr(path, '/');

	if (*target == '/')
		return NULL;
	*(slash ? slash : path) = '\0';
	while (!strncmp(target, "../", 3) || !strncmp(target, "./", 2)) {
		bool is_up = target[1] == '.';

		if (is_up && !*path)
			return NULL;
		slash = is_up ? strrchr(path, '/') : NULL;
		if (is_up)
			*(slash ? slash : path) = '\0';
		target += is_up ? 3 : 2;
	}
	return *path ? xasprintf("%s/%s", path, target) : xstrdup(target);
}

static int blobs_save_data(const struct blobs *b, struct archive *a, struct err *e)
{
	char file[24];
	auto_close int fd = -1;

	snprintf(file, sizeof(file), "%zu", b->count);
	fd = openat(b->dirfd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, -errno, "keeping a member of the image");
	if (archive_read_data_into_fd(a, fd) != ARCHIVE_OK)
		return blobs_fail(a, "reading the image", e);
	return 0;
}

static int blobs_save_entry(struct blobs *b, struct archive *a, struct archive_entry *entry,
			    struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	const char *hard = archive_entry_hardlink(entry);
	const char *soft = archive_entry_symlink(entry);
	struct blob blob = {0};
	int r = blobs_check_names(entry, e);

	if (r < 0)
		return r;
	if (!name)
		return err_set(e, -EINVAL, "a member of the image has no readable name");
	if (!hard && !soft && archive_entry_filetype(entry) != AE_IFREG)
		return 0;
	if (b->count == BLOBS_MAX)
		return err_set(e, -E2BIG, "the image has more than %d members", BLOBS_MAX);
	blob.name = xstrdup(blobs_plain_name(name));
	if (hard)
		blob.alias = xstrdup(blobs_plain_name(hard));
	else if (soft)
		blob.alias = blobs_join(blob.name, soft);
	else
		r = blobs_save_data(b, a, e);
	if (r < 0 || (soft && !hard && !blob.alias)) {
		free(blob.name);
		return r;
	}
	b->at = xreallocarray(b->at, b->count + 1, sizeof(*b->at));
	b->at[b->count++] = blob;
	return 0;
}

int blobs_save(struct blobs *b, struct archive *a, struct err *e)
{
	struct archive_entry *entry;
	int r = 0;
	int n;

	while (r == 0 && (n = archive_read_next_header(a, &entry)) != ARCHIVE_EOF) {
		if (n < ARCHIVE_WARN)
			return blobs_fail(a, "reading the image", e);
		r = blobs_save_entry(b, a, entry, e);
	}
	return r;
}

/* The last of that name counts, as in any tar. -1: there is none. */
static ssize_t blobs_find(const struct blobs *b, const char *name)
{
	name = blobs_plain_name(name);
	for (int hops = 0; hops < BLOBS_ALIASES_MAX; hops++) {
		ssize_t i = (ssize_t)b->count - 1;

		while (i >= 0 && strcmp(b->at[i].name, name))
			i--;
		if (i < 0 || !b->at[i].alias)
			return i;
		name = b->at[i].alias;
	}
	return -1;
}

bool blobs_have(const struct blobs *b, const char *name)
{
	return blobs_find(b, name) >= 0;
}

int blobs_open(const struct blobs *b, const char *name, struct err *e)
{
	ssize_t i = blobs_find(b, name);
	char file[24];
	int fd;

	if (i < 0)
		return err_set(e, -ENOENT, "the image has no '%s'", name);
	snprintf(file, sizeof(file), "%zd", i);
	fd = openat(b->dirfd, file, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "opening '%s' of the image", name) : fd;
}

static int blobs_hash_file(int fd, EVP_MD_CTX *hash)
{
	auto_free char *data = xmalloc(BLOBS_CHUNK_BYTES);
	ssize_t n;

	while ((n = read(fd, data, BLOBS_CHUNK_BYTES)) > 0)
		EVP_DigestUpdate(hash, data, (size_t)n);
	return n < 0 ? -errno : 0;
}

static int blobs_hash_unpacked(int fd, EVP_MD_CTX *hash)
{
	struct archive *a = blobs_new_decompressor();
	struct archive_entry *entry;
	const void *data;
	size_t size;
	la_int64_t offset;
	int n;

	/* One member of that "format" is all that comes out of the filters. */
	if (!a || archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open_fd(a, fd, BLOBS_CHUNK_BYTES) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK) {
		archive_read_free(a);
		return -EINVAL;
	}
	while ((n = archive_read_data_block(a, &data, &size, &offset)) == ARCHIVE_OK)
		EVP_DigestUpdate(hash, data, size);
	archive_read_free(a);
	return n == ARCHIVE_EOF ? 0 : -EINVAL;
}

int blobs_check(int fd, const char *name, const char *digest, bool is_unpacked, struct err *e)
{
	unsigned char got[EVP_MAX_MD_SIZE];
	char text[2 * BLOBS_DIGEST_BYTES + 1];
	EVP_MD_CTX *hash;
	int r = -ENOMEM;

	if (strncmp(digest, BLOBS_DIGEST_PREFIX, strlen(BLOBS_DIGEST_PREFIX)))
		return err_set(e, -ENOTSUP, "the digest '%s' is no sha256", digest);
	hash = EVP_MD_CTX_new();
	if (hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1)
		r = is_unpacked ? blobs_hash_unpacked(fd, hash) : blobs_hash_file(fd, hash);
	if (r == 0 && EVP_DigestFinal_ex(hash, got, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(hash);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(e, r, "reading '%s' of the image", name);
	for (size_t i = 0; i < BLOBS_DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", got[i]);
	if (strcmp(text, digest + strlen(BLOBS_DIGEST_PREFIX)))
		return err_set(e, -EBADMSG, "'%s' of the image is not what its digest says: %s",
			       name, digest);
	return 0;
}

int blobs_read(const struct blobs *b, const char *name, const char *digest, char **ret_text,
	       size_t *ret_size, struct err *e)
{
	auto_close int fd = blobs_open(b, name, e);
	int r = fd < 0 ? fd : 0;

	if (r == 0 && digest)
		r = blobs_check(fd, name, digest, false, e);
	if (r < 0)
		return r;
	r = fd_read_text(fd, BLOBS_TEXT_BYTES, ret_text, ret_size);
	return r < 0 ? err_sys(e, r, "reading '%s' of the image", name) : 0;
}

void blobs_drop(const struct blobs *b, const char *name)
{
	ssize_t i = blobs_find(b, name);
	char file[24];

	snprintf(file, sizeof(file), "%zd", i);
	if (i >= 0)
		(void)unlinkat(b->dirfd, file, 0);
}

void blobs_done(struct blobs *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->at[i].name);
		free(b->at[i].alias);
	}
	free(b->at);
	fd_close(&b->dirfd);
	*b = (struct blobs){.dirfd = -1};
}
