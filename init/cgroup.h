/* The container's cgroup. */
#ifndef VMRT_INIT_CGROUP_H
#define VMRT_INIT_CGROUP_H

#include <sys/types.h>

#include "init/machine.h"
#include "lib/err.h"
#include "lib/guest.h"

/* Where it is for init, and how /proc/PID/cgroup begins for who is in it. */
#define CGROUP_CHILD	  MACHINE_CGROUP_DIR "/container"
#define CGROUP_OF_PROCESS "0::/container"

/* Begins to mount cgroup2 for init and to make the container's child cgroup with every controller
 * there is: in a process of its own, as a second CPU has nothing to do at boot. Dies when it
 * cannot be made. */
void cgroup_begin(void);

/* Waits for the above; then the limits. The descriptor is for clone3(CLONE_INTO_CGROUP). */
int cgroup_make(const struct guest_container *c, int *ret_fd, struct err *e) VMRT_MUST_CHECK;

/* Needed when the program begins, not before: it costs milliseconds. */
int cgroup_filter_devices(int dir_fd, const struct guest_device_filter *f,
			  struct err *e) VMRT_MUST_CHECK;

/* An existing cgroup below the container's, for clone3(). A descriptor or -errno with `e`. */
int cgroup_open_sub(int cgroup_fd, const char *path, struct err *e) VMRT_MUST_CHECK;

/* The one that a process of the container is in now. A descriptor or -errno. */
int cgroup_open_of(pid_t pid) VMRT_MUST_CHECK;

/* Writes files of a cgroup: `words` are name, value, name, value. All of them, or after a failure
 * none: what was written before gets its old value back. */
int cgroup_update(int dir_fd, const char *const *words, uint32_t count,
		  struct err *e) VMRT_MUST_CHECK;

#endif
