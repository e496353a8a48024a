/* Working on a container that exists: start, kill, delete. See launch.h. */
#include "runtime/cmd/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "lib/fd.h"
#include "runtime/cgroup/driver.h"
#include "runtime/cmd/container.h"
#include "runtime/log/log.h"
#include "runtime/net/forget.h"
#include "runtime/net/namespace.h"

#define MANAGE_SIGKILL_ANSWER_S 2 /* then the monitor itself is killed */
#define MANAGE_ANSWER_S		10

int launch_start(const struct cmd *c, const char *id, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	const struct ctl_message request = {.verb = CTL_START};
	int r = container_open(c, id, &k, e);

	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED)
		return err_set(e, -EINVAL, "cannot start a container that has stopped");
	if (k.state.status == STATE_RUNNING || k.state.status == STATE_PAUSED)
		return err_set(e, -EINVAL, "cannot start an already running container");
	r = container_ask(&k, &request, 0, e);
	if (r < 0)
		return r;
	k.state.status = STATE_RUNNING;
	r = container_run_hooks(&k, OCI_HOOK_POSTSTART, e);
	if (r < 0) {
		struct err ignored;

		/* The specification since 1.2.1: an error, and the container ends. */
		if (launch_kill(c, id, SIGKILL, false, &ignored) < 0)
			log_warn("%s", ignored.text);
	}
	return r;
}

int launch_kill(const struct cmd *c, const char *id, int signo, bool is_all, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	const struct ctl_message request = {.verb = CTL_KILL, .signo = signo, .is_all = is_all};
	int r = container_open(c, id, &k, e);

	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED) {
		/* As runc: the sweep after the end finds nobody, and that is fine. */
		return is_all ? 0 : err_set(e, -ESRCH, "container not running");
	}
	r = container_ask(&k, &request,
			  signo == SIGKILL ? MANAGE_SIGKILL_ANSWER_S : MANAGE_ANSWER_S, e);
	if (r == -ECONNREFUSED || (r == -ETIMEDOUT && signo == SIGKILL)) {
		auto_close int pidfd = state_open_monitor(k.dirfd, NULL);

		if (pidfd < 0)
			return is_all ? 0 : err_set(e, -ESRCH, "container not running");
		if (signo == SIGKILL)
			return container_kill_monitor(&k, e);
	}
	return r == -ESRCH && is_all ? 0 : r;
}

/* A directory that is not a complete container: left by a `create` that was killed, or its
 * state.json is damaged. Another runtime's directory (docker's root is shared with runc) has no
 * monitor.pid: that is nobody's to remove but its own. */
static int container_remove_fragment(int root_dirfd, const char *id, struct err *e)
{
	auto_close int dirfd =
		openat(root_dirfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const struct container k = {.root_dirfd = -1, .dirfd = dirfd};
	struct err ignored;
	int r;

	if (dirfd < 0)
		return 0;
	if (faccessat(dirfd, "state.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    faccessat(dirfd, "monitor.pid", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = container_kill_monitor(&k, e);
	if (r == 0 && cgroup_driver_remove(dirfd, &ignored) < 0)
		log_warn("'%s': %s", id, ignored.text);
	if (r == 0)
		r = state_remove(root_dirfd, id);
	return r < 0 && r != -ENOENT ? err_sys(e, r, "removing the state directory of '%s'", id)
				     : 0;
}

/* A namespace that was given by path lives on, and so would what a killed monitor left in it. */
static void container_free_network(const struct container *k)
{
	const struct oci_namespace *ns;
	struct oci_config *config = NULL;
	bool is_host;
	struct err e;
	int r = container_load_config(k, &config, &e);

	ns = r == 0 ? oci_config_namespace(config, OCI_NS_NETWORK) : NULL;
	/* Somebody who is in it by now has the interfaces. */
	if (ns && ns->path && namespace_check(ns->path, &is_host, &e) == 0 && !is_host &&
	    net_forget(ns->path, &e) < 0)
		log_warn("%s", e.text);
	oci_config_free(config);
}

static int container_delete(struct container *k, bool is_force, struct err *e)
{
	struct err ignored;
	int r;

	if ((k->state.status == STATE_RUNNING || k->state.status == STATE_PAUSED) && !is_force)
		return err_set(e, -EBUSY, "cannot delete container %s that is not stopped: %s",
			       k->state.id, state_status_name(k->state.status));
	r = container_kill_monitor(k, e);
	if (r < 0)
		return r;
	k->state.status = STATE_STOPPED;
	container_free_network(k);
	/* As runc: a poststop hook that fails is worth a warning and stops nothing. */
	if (container_run_hooks(k, OCI_HOOK_POSTSTOP, &ignored) < 0)
		log_warn("%s", ignored.text);
	r = cgroup_driver_remove(k->dirfd, e);
	if (r < 0)
		return r;
	r = state_remove(k->root_dirfd, k->state.id);
	return r < 0 && r != -ENOENT ? err_sys(e, r, "removing the state directory") : 0;
}

int launch_delete(const struct cmd *c, const char *id, bool is_force, struct err *e)
{
	auto_container struct container k = CONTAINER_NONE;
	int r = container_open(c, id, &k, e);

	if (r == 0)
		return container_delete(&k, is_force, e);
	if (!is_force)
		return r;
	if (k.root_dirfd < 0)
		return k.root_dirfd == -ENOENT ? 0 : r;
	return container_remove_fragment(k.root_dirfd, id, e);
}
