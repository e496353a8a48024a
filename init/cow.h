/* A directory of the share whose changes stay in the guest's memory ("cow"). */
#ifndef VMRT_INIT_COW_H
#define VMRT_INIT_COW_H

#include <stdbool.h>

/* Mounts `lower`, a path of init's without ':', ',' and '\', at `target` under an overlay whose
 * upper layer is a new tmpfs. Owner and mode of the directory itself are the lower one's. Uses
 * MACHINE_SCRATCH_DIR and leaves it free. `has_foreign_files`: see struct guest_container. 0 or
 * -errno. */
int cow_mount(const char *lower, const char *target, bool has_foreign_files)
	__attribute__((warn_unused_result));

#endif
