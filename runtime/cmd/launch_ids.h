/* The ids of a new container's helpers on the host. */
#ifndef VMRT_CMD_LAUNCH_IDS_H
#define VMRT_CMD_LAUNCH_IDS_H

#include "lib/err.h"
#include "runtime/oci/config_linux.h"
#include "runtime/sandbox/ids.h"

struct launch_ids {
	struct ids_lease qemu;
	int share_fd; /* the user namespace of virtiofsd; -1: vmrt's */
};

#define LAUNCH_IDS_NONE ((struct launch_ids){.qemu = IDS_LEASE_NONE, .share_fd = -1})

/* `wanted`: QEMU's ids by the settings. `caller_ids`: "UID:GID", the user of the VM whose files are
 * the calling user's on the host; NULL: root, or if config.json maps the caller's own ids, which it
 * can mean outside vmrt's namespace only, those. Both mean nothing where vmrt is the host's root.
 */
int launch_ids_open(const struct ids_range *wanted, const char *caller_ids,
		    const struct oci_linux *config, struct launch_ids *ret,
		    struct err *e) VMRT_MUST_CHECK;
void launch_ids_close(struct launch_ids *ids);

#endif
