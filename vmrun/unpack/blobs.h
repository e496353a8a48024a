/* The members of an image's archive, kept as files until they are used: a layer may come before the
 * manifest that names it. */
#ifndef VMRUN_UNPACK_BLOBS_H
#define VMRUN_UNPACK_BLOBS_H

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define BLOBS_MAX	  4096
#define BLOBS_TEXT_BYTES  (4u << 20) /* of a manifest or configuration */
#define BLOBS_CHUNK_BYTES (256u << 10)

struct blob {
	char *name;  /* in the archive, without "./" */
	char *alias; /* the member that a link stands for; NULL: it has content */
};

struct blobs {
	int dirfd; /* of files "0", "1", … */
	struct blob *at;
	size_t count;
};

/* A reader of tar archives: plain, gzip, zstd, xz or bzip2. NULL: out of memory, or a libarchive
 * that would start other programs for these. */
struct archive *blobs_new_reader(void);
/* libarchive's last words, with our errno for them. */
int blobs_fail(struct archive *a, const char *what, struct err *e);
/* -ENAMETOOLONG for a name that no file can have: libarchive takes those of a mebibyte. */
int blobs_check_names(struct archive_entry *entry, struct err *e) VMRT_MUST_CHECK;

/* Saves all members of the archive that is open as `a`. */
int blobs_save(struct blobs *b, struct archive *a, struct err *e) VMRT_MUST_CHECK;
bool blobs_have(const struct blobs *b, const char *name);
/* A descriptor of the member's content; -ENOENT with a line that names it. */
int blobs_open(const struct blobs *b, const char *name, struct err *e) VMRT_MUST_CHECK;
/* Its content as an owned text; `digest` ("sha256:HEX", or NULL) is checked. */
int blobs_read(const struct blobs *b, const char *name, const char *digest, char **ret_text,
	       size_t *ret_size, struct err *e) VMRT_MUST_CHECK;
/* Compares a file's digest, from its beginning to its end, with "sha256:HEX". With `is_unpacked` of
 * what a compressed file holds. Leaves the file at its beginning. */
int blobs_check(int fd, const char *name, const char *digest, bool is_unpacked,
		struct err *e) VMRT_MUST_CHECK;
/* Frees the file of a member that is not needed any more. */
void blobs_drop(const struct blobs *b, const char *name);
void blobs_done(struct blobs *b);

#endif
