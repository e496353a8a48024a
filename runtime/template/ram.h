/* A machine's memory as a file that nobody else has: on a tmpfs of its own, which is mounted in
 * QEMU's root alone and is gone with its last user. */
#ifndef VMRT_TEMPLATE_RAM_H
#define VMRT_TEMPLATE_RAM_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

#define RAM_FILE "ram"

struct ram {
	int mount_fd; /* of the tmpfs, attached nowhere; -1: none */
	int fd;	      /* its only file */
	uint64_t bytes;
};
#define RAM_NONE ((struct ram){.mount_fd = -1, .fd = -1})

/* `owner` alone can open the file by its name; the folder is nobody's to write. */
int ram_open(struct ram *ret, uint64_t bytes, uid_t owner, struct err *e) VMRT_MUST_CHECK;
void ram_close(struct ram *r);

/* Copies what is not zero, and leaves holes for the rest, between files of `bytes` each from `at`.
 */
int ram_copy(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t bytes,
	     struct err *e) VMRT_MUST_CHECK;

#endif
