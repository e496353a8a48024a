/* A user of its own for every VM's QEMU: a number out of a range that nobody else uses.
 *
 *   <dir>/uids/N   locked (flock) while the number is taken
 *
 * The lock is a shared one of two open files: the monitor's and QEMU's. So the number is free when,
 * and only when, both have ended, however they did: there is nothing to clean up after a crash. A
 * QEMU that was taken over can give up its own and nothing else. The smallest free number is taken,
 * so the files are as many as VMs ever were at a time. */
#ifndef VMRT_SANDBOX_IDS_H
#define VMRT_SANDBOX_IDS_H

#include <sys/types.h>

#include "lib/err.h"

/* Between the users that distributions, container engines and systemd give away and the end of
 * what 31 bits hold: systemd's table of uids has this part as unused. */
#define IDS_FIRST_DEFAULT 1879048192u
#define IDS_COUNT_DEFAULT 65536u
#define IDS_COUNT_MAX	  65536u

struct ids_range {
	unsigned int first;
	unsigned int count;
};

struct ids_lease {
	uid_t id; /* the group has the same number */
	int fd;
	int qemu_fd;
};

#define IDS_LEASE_NONE ((struct ids_lease){.fd = -1, .qemu_fd = -1})

/* 0 or -errno. `dir` exists. */
int ids_take(const char *dir, const struct ids_range *range, struct ids_lease *ret,
	     struct err *e) VMRT_MUST_CHECK;

/* Closes both descriptors. */
void ids_drop(struct ids_lease *lease);

#endif
