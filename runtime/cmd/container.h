/* A container that exists, for the commands that work on one: its state and its monitor. */
#ifndef VMRT_CMD_CONTAINER_H
#define VMRT_CMD_CONTAINER_H

#include "runtime/cgroup/host.h"
#include "runtime/cmd/cmd.h"
#include "runtime/ctl/ctl.h"
#include "runtime/oci/config.h"
#include "runtime/state/state.h"

/* How long a monitor's end may take. It takes a tenth of a second, and on a machine with ten times
 * the work that it can do has taken four: whoever gives up leaves a directory and control groups
 * behind. A caller that has less time, as containerd for a shim that died (five seconds), ends the
 * command itself. */
#define CONTAINER_END_WAIT_MS 30000

struct container {
	int root_dirfd;
	int dirfd;
	struct state state;
};

#define CONTAINER_NONE                                                                             \
	{                                                                                          \
		.root_dirfd = -1, .dirfd = -1                                                      \
	}
#define auto_container __attribute__((cleanup(container_done)))

/* "container does not exist", or its state as of now. */
int container_open(const struct cmd *c, const char *id, struct container *k,
		   struct err *e) VMRT_MUST_CHECK;
void container_done(struct container *k);

/* One request to the monitor, one reply; waits `timeout_s` (0: for ever). -ECONNREFUSED when no
 * monitor listens, -ETIMEDOUT, or the reply's own error. */
int container_ask(const struct container *k, const struct ctl_message *request,
		  unsigned int timeout_s, struct err *e) VMRT_MUST_CHECK;

/* The config.json that was kept at create. Free with oci_config_free(). */
int container_load_config(const struct container *k, struct oci_config **ret,
			  struct err *e) VMRT_MUST_CHECK;
int container_run_hooks(const struct container *k, enum oci_hook_kind kind,
			struct err *e) VMRT_MUST_CHECK;

/* What the host's cgroup needs beyond the container's limits, so that the VM fits in. */
struct cgroup_overhead container_overhead(const struct state_vm *vm,
					  const struct oci_resources *limits);

/* SIGKILL to the monitor, which takes the VM along; waits for its end. Fine when it is gone. */
int container_kill_monitor(const struct container *k, struct err *e) VMRT_MUST_CHECK;

#endif
