/* Working on a container that exists: start, kill, delete. See launch.h. */
#include "runtime/cmd/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/ctl/ctl.h"
#include "runtime/hook/hook.h"
#include "runtime/log/log.h"
#include "runtime/state/state.h"

#define MANAGE_KILL_WAIT_MS	4000 /* engines give `delete --force` five seconds */
#define MANAGE_SIGKILL_ANSWER_S 2    /* then the monitor itself is killed */

struct container {
	int root_dirfd;
	int dirfd;
	struct state state;
};

static void container_done(struct container *k)
{
	fd_close(&k->root_dirfd);
	fd_close(&k->dirfd);
	state_done(&k->state);
}

#define auto_container __attribute__((cleanup(container_done)))

static int container_open(const struct cmd *c, const char *id, struct container *k, struct err *e)
{
	int r = state_check_id(id, e);

	if (r < 0)
		return r;
	k->root_dirfd = state_open_root(cmd_root(c), false, e);
	if (k->root_dirfd == -ENOENT)
		return err_set(e, -ENOENT, "container does not exist");
	if (k->root_dirfd < 0)
		return k->root_dirfd;
	k->dirfd = state_open(k->root_dirfd, id, e);
	return k->dirfd < 0 ? k->dirfd : state_read(k->dirfd, &k->state, e);
}

/* One request, one reply. -ECONNREFUSED when no monitor listens. */
static int container_ask(const struct container *k, const struct ctl_message *request,
			 unsigned int timeout_s, struct err *e)
{
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message reply;
	auto_close int fd = ctl_connect(k->dirfd);
	struct timeval limit = {.tv_sec = timeout_s};
	int r;

	if (fd < 0)
		return err_set(e, -ECONNREFUSED, "the container's monitor does not listen");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = ctl_send(fd, request);
	if (r == 0)
		r = ctl_receive(fd, &reply, buffer);
	if (r == -EAGAIN)
		return err_set(e, -ETIMEDOUT, "the container's monitor does not answer");
	if (r < 0)
		return err_set(e, -ECONNREFUSED, "the container's monitor ended");
	return reply.error ? err_set(e, -reply.error, "%s", reply.text) : 0;
}

/* Hooks of the config.json that was kept at create. */
static int container_run_hooks(const struct container *k, enum oci_hook_kind kind, struct err *e)
{
	struct oci_config *config = NULL;
	auto_free char *text = NULL;
	size_t size;
	int r = fd_read_file(k->dirfd, "config.json", OCI_CONFIG_MAX_BYTES, &text, &size);

	if (r < 0)
		return err_sys(e, r, "reading the kept config.json");
	r = oci_config_parse(text, size, "config.json", &config, e);
	if (r == 0)
		r = hook_run_all(config, kind, &k->state, e);
	oci_config_free(config);
	return r;
}

int launch_start(const struct cmd *c, const char *id, struct err *e)
{
	auto_container struct container k = {.root_dirfd = -1, .dirfd = -1};
	const struct ctl_message request = {.verb = CTL_START};
	int r = container_open(c, id, &k, e);

	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED)
		return err_set(e, -EINVAL, "cannot start a container that has stopped");
	if (k.state.status == STATE_RUNNING)
		return err_set(e, -EINVAL, "cannot start an already running container");
	r = container_ask(&k, &request, 0, e);
	if (r < 0)
		return r;
	k.state.status = STATE_RUNNING;
	return container_run_hooks(&k, OCI_HOOK_POSTSTART, e);
}

/* Waits for the monitor's end (it takes everything of the VM along). */
static int container_wait_end(int pidfd, int timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1 ? 0 : -ETIMEDOUT;
}

static int container_kill_monitor(const struct container *k, struct err *e)
{
	auto_close int pidfd = state_open_monitor(k->dirfd, NULL);

	if (pidfd < 0)
		return 0;
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_sys(e, -errno, "killing the monitor");
	if (container_wait_end(pidfd, MANAGE_KILL_WAIT_MS) < 0)
		return err_set(e, -ETIMEDOUT, "the monitor does not end after SIGKILL");
	return 0;
}

int launch_kill(const struct cmd *c, const char *id, int signo, bool is_all, struct err *e)
{
	auto_container struct container k = {.root_dirfd = -1, .dirfd = -1};
	const struct ctl_message request = {.verb = CTL_KILL, .signo = signo, .is_all = is_all};
	int r = container_open(c, id, &k, e);

	if (r < 0)
		return r;
	if (k.state.status == STATE_STOPPED) {
		/* As runc: the sweep after the end finds nobody, and that is fine. */
		return is_all ? 0 : err_set(e, -ESRCH, "container not running");
	}
	r = container_ask(&k, &request, signo == SIGKILL ? MANAGE_SIGKILL_ANSWER_S : 10, e);
	if (r == -ECONNREFUSED || (r == -ETIMEDOUT && signo == SIGKILL)) {
		auto_close int pidfd = state_open_monitor(k.dirfd, NULL);

		if (pidfd < 0)
			return is_all ? 0 : err_set(e, -ESRCH, "container not running");
		if (signo == SIGKILL)
			return container_kill_monitor(&k, e);
	}
	return r == -ESRCH && is_all ? 0 : r;
}

/* A directory that is not a complete container: left by a `create` that was killed. Another
 * runtime's directory (docker's root is shared with runc) is nobody's to remove but its own. */
static int container_remove_fragment(int root_dirfd, const char *id, struct err *e)
{
	auto_close int dirfd =
		openat(root_dirfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const struct container k = {.root_dirfd = -1, .dirfd = dirfd};
	int r;

	if (dirfd < 0)
		return 0;
	if (faccessat(dirfd, "state.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = container_kill_monitor(&k, e);
	if (r == 0)
		r = state_remove(root_dirfd, id);
	return r < 0 && r != -ENOENT ? err_sys(e, r, "removing the state directory of '%s'", id)
				     : 0;
}

static int container_delete(struct container *k, bool is_force, struct err *e)
{
	struct err ignored;
	int r;

	if (k->state.status == STATE_RUNNING && !is_force)
		return err_set(e, -EBUSY, "cannot delete container %s that is not stopped: %s",
			       k->state.id, state_status_name(k->state.status));
	r = container_kill_monitor(k, e);
	if (r < 0)
		return r;
	k->state.status = STATE_STOPPED;
	/* As runc: a poststop hook that fails is worth a warning and stops nothing. */
	if (container_run_hooks(k, OCI_HOOK_POSTSTOP, &ignored) < 0)
		log_warn("%s", ignored.text);
	r = state_remove(k->root_dirfd, k->state.id);
	return r < 0 && r != -ENOENT ? err_sys(e, r, "removing the state directory") : 0;
}

int launch_delete(const struct cmd *c, const char *id, bool is_force, struct err *e)
{
	auto_container struct container k = {.root_dirfd = -1, .dirfd = -1};
	int r = container_open(c, id, &k, e);

	if (r == 0)
		return container_delete(&k, is_force, e);
	if (!is_force)
		return r;
	if (k.root_dirfd < 0)
		return k.root_dirfd == -ENOENT ? 0 : r;
	return container_remove_fragment(k.root_dirfd, id, e);
}
