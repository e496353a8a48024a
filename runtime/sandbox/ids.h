/* A user of its own for every VM's QEMU: a number out of a range that nobody else uses.
 *
 *   <dir>/uids/N   locked (flock) while the number is taken
 *
 * The lock belongs to the descriptor that ids_lease() returns; monitor and QEMU both hold it, so
 * the number is free when, and only when, both have ended, however they did: there is nothing to
 * clean up after a crash. The smallest free number is taken, so the files are as many as VMs ever
 * were at a time. */
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

/* Descriptor of the lease, or -errno. The group has the same number. `dir` exists. */
int ids_lease(const char *dir, const struct ids_range *range, uid_t *ret_id,
	      struct err *e) VMRT_MUST_CHECK;

#endif
