/* A user namespace for the share alone, in which the caller's files belong to a user of the VM's
 * choice: U.
 *
 *   in the VM's files     vmrt's namespace     the host
 *   0 … U-1               1 … U                subordinate ids
 *   U                     0                    the user
 *   U+1 …                 U+1 …                subordinate ids
 *
 * So a file that the command makes in the VM as U is the user's. QEMU's ids are in no line. Must
 * not start what uses it. */
#ifndef VMRT_USERNS_KEEP_H
#define VMRT_USERNS_KEEP_H

#include "runtime/userns/userns.h"

struct keep_ids {
	uint32_t uid;
	uint32_t gid;
};

/* The lines of such a map out of one of vmrt's; `reserved`: the first id that is not the share's,
 * `own`: U. Pure. */
void keep_map(const struct userns_map *now, uint32_t reserved, uint32_t own,
	      struct userns_map *ret);

/* Descriptor of the namespace, or -errno. */
int keep_open(const struct userns *now, const struct ids_range *qemu, const struct keep_ids *own,
	      struct err *e) VMRT_MUST_CHECK;

#endif
