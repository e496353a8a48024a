/* A container that exists: finding it, asking its monitor, ending it. Must not print. */
#include "runtime/cmd/container.h"

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
#include "runtime/hook/hook.h"

void container_done(struct container *k)
{
	fd_close(&k->root_dirfd);
	fd_close(&k->dirfd);
	state_done(&k->state);
}

int container_open(const struct cmd *c, const char *id, struct container *k, struct err *e)
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
	r = k->dirfd < 0 ? k->dirfd : state_read(k->dirfd, &k->state, e);
	/* It names what is removed, killed and told to hooks. */
	if (r == 0 && strcmp(k->state.id, id) != 0)
		r = err_set(e, -EINVAL, "state.json: id: is '%s' in the directory of '%s'",
			    k->state.id, id);
	return r;
}

/* One request, one reply. -ECONNREFUSED when no monitor listens. */
int container_ask(const struct container *k, const struct ctl_message *request,
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

int container_load_config(const struct container *k, struct oci_config **ret, struct err *e)
{
	auto_free char *text = NULL;
	size_t size;
	int r = fd_read_file(k->dirfd, "config.json", OCI_CONFIG_MAX_BYTES, &text, &size);

	if (r < 0)
		return err_sys(e, r, "reading the kept config.json");
	return oci_config_parse(text, size, "config.json", ret, e);
}

int container_run_hooks(const struct container *k, enum oci_hook_kind kind, struct err *e)
{
	struct oci_config *config = NULL;
	int r = container_load_config(k, &config, e);

	if (r == 0)
		r = hook_run_all(config, kind, &k->state, e);
	oci_config_free(config);
	return r;
}

struct cgroup_overhead container_overhead(const struct state_vm *vm,
					  const struct oci_resources *limits)
{
	uint64_t guest = (uint64_t)vm->memory_mib << 20;
	uint64_t limit = 0;

	if (limits && limits->memory.limit.has && limits->memory.limit.value > 0)
		limit = (uint64_t)limits->memory.limit.value;
	return (struct cgroup_overhead){
		.memory_bytes =
			(guest > limit ? guest - limit : 0) + ((uint64_t)vm->host_mib << 20),
		.cpu_percent = 100, /* virtiofsd and QEMU's own threads */
		.pids = 512,
	};
}

/* Waits for the monitor's end (it takes everything of the VM along). */
static int container_wait_end(int pidfd, int timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1 ? 0 : -ETIMEDOUT;
}

int container_kill_monitor(const struct container *k, struct err *e)
{
	auto_close int pidfd = state_open_monitor(k->dirfd, NULL);

	if (pidfd < 0)
		return 0;
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_sys(e, -errno, "killing the monitor");
	if (container_wait_end(pidfd, CONTAINER_END_WAIT_MS) < 0)
		return err_set(e, -ETIMEDOUT, "the monitor does not end after SIGKILL");
	return 0;
}
