/* Templates as files: machines that have booted, for others to begin from.
 *
 *   <dir>/templates/HASH           one file: header, QEMU's state, memory (with holes for zeros)
 *   <dir>/templates/HASH.failed    one that was made has failed; another one that fails ends in a
 *                                  file without a machine in it, which means: boot
 *
 * A file is complete when it gets its name, and is never written to again. Whoever has it open can
 * go on using it whatever happens to the name. All of the key is in the header: the hash only
 * names. The directory's lock belongs to the one process that makes a template.
 *
 * Must not know what is in a key or in a machine's state. */
#ifndef VMRT_TEMPLATE_STORE_H
#define VMRT_TEMPLATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define STORE_ENTRY_MAX	      16
#define STORE_TOTAL_MAX_BYTES (UINT64_C(1) << 30)   /* and at most half of the file system */
#define STORE_FREE_MIN_BYTES  (UINT64_C(128) << 20) /* of the file system, beside the new one */
#define STORE_KEY_MAX_BYTES   16000
#define STORE_STATE_MAX_BYTES (UINT64_C(1) << 20) /* a pipe's, for whoever loads it */
#define STORE_STATE_AT	      16384
#define STORE_MEMORY_AT	      (STORE_STATE_AT + STORE_STATE_MAX_BYTES)

struct store_template {
	int fd;		       /* -1: none */
	uint64_t memory_bytes; /* at STORE_MEMORY_AT */
	uint64_t state_bytes;  /* at STORE_STATE_AT */
};
#define STORE_TEMPLATE_NONE ((struct store_template){.fd = -1})

enum store_answer {
	STORE_FOUND,
	STORE_MISSING,
	STORE_BOOT, /* such machines are not made into templates, for a while */
};

/* The directory, made if it is missing. Descriptor or -errno. */
int store_open(const char *dir, struct err *e) VMRT_MUST_CHECK;

/* Looks whether the file is what it says; one that is not is removed. */
enum store_answer store_find(int store_fd, const char *key, struct store_template *ret);

/* A file without a name for a machine of `memory_bytes`: what is not written of it is zero. Makes
 * room for it, but not of what was used minutes ago: -ENOSPC. -errno, or the descriptor. */
int store_begin(int store_fd, uint64_t memory_bytes, struct err *e) VMRT_MUST_CHECK;
/* Writes state and header. */
int store_fill(int fd, const char *key, uint64_t memory_bytes, const void *state,
	       size_t state_bytes, struct err *e) VMRT_MUST_CHECK;
/* Gives it its name: it is there from now on. */
int store_publish(int store_fd, int fd, const char *key, struct err *e) VMRT_MUST_CHECK;

/* No machine came of it, and that was the template's own fault. `used_fd` is the file that was
 * used, or -1 when there was none to make it from; one that others have dropped already, or
 * replaced, is not counted again. */
void store_note_failure(int store_fd, const char *key, int used_fd);
/* One came of it: what failed before is forgotten. */
void store_note_success(int store_fd, const char *key);

#endif
