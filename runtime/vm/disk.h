/* Block devices of the host that are disks of the VM, by number; or files in their place, of users
 * who may not make loop devices. */
#ifndef VMRT_DISK_H
#define VMRT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define DISK_NODE_BYTES 96
#define DISK_MAJOR_LOOP 7 /* the guest's kernel has such devices of its own */

struct disk {
	uint32_t major;
	uint32_t minor;
	bool is_writable; /* disk_find() clears it for a device that is read-only */
	const char *path; /* in the container, for messages */
	const char *file; /* absolute: the disk is this file, the number is made up; NULL */
	bool is_guests;	  /* set by disk_find(): a loop device that has no file behind it */
	char node[DISK_NODE_BYTES]; /* set by disk_find(): its name in the host's /dev */
};

/* What is opened on the host. */
const char *disk_source(const struct disk *d);

/* Looks for the device, changes nothing. Fails, naming it, when the host has none. */
int disk_find(struct disk *d, struct err *e) VMRT_MUST_CHECK;
/* Opens what was found, as is_writable says. A descriptor, or -errno. */
int disk_open(const struct disk *d, struct err *e) VMRT_MUST_CHECK;

#endif
