/* The qcow2 format as far as vmrt needs it: the header of somebody else's, an empty one of its own.
 * QEMU does the rest. Source: docs/interop/qcow2.txt of QEMU. */
#ifndef VMRT_IMAGE_QCOW2_H
#define VMRT_IMAGE_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/* At least four bytes. */
bool qcow2_is(const unsigned char *header);
/* The size of its disk. Refuses versions that are not known, names of other files, encryption. */
int qcow2_read_header(const unsigned char *header, size_t size, uint64_t *ret_bytes,
		      struct err *e) VMRT_MUST_CHECK;
/* Makes an empty file one of a disk of `size_bytes` without content: an overlay. 0 or -errno. */
int qcow2_write_empty(int fd, uint64_t size_bytes) VMRT_MUST_CHECK;

#endif
