/* `create`: from a bundle to a monitor with a parked container process.
 *
 *   load, check, plan ─> state directory ─> monitor (boots the VM) ─┬─> guest is ready
 *                                             hooks on the host ────┘      │
 *                                    COMMIT <── pid-file <── state.json <──┘
 *
 * The hooks run while the VM boots. Must not wait for anything without watching the monitor. */
#include "runtime/cmd/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cgroup/driver.h"
#include "runtime/cmd/container.h"
#include "runtime/cmd/dry_run.h"
#include "runtime/cmd/foreground.h"
#include "runtime/cmd/launch_ids.h"
#include "runtime/cmd/notify.h"
#include "runtime/cmd/pidfile.h"
#include "runtime/ctl/ctl.h"
#include "runtime/hook/hook.h"
#include "runtime/image/image.h"
#include "runtime/log/log.h"
#include "runtime/monitor/machine.h"
#include "runtime/monitor/monitor.h"
#include "runtime/net/namespace.h"
#include "runtime/proc/nstype.h"
#include "runtime/proc/spawn.h"
#include "runtime/share/socket_type.h"
#include "runtime/state/state.h"
#include "runtime/userns/rundir.h"
#include "runtime/userns/userns.h"
#include "runtime/vm/vm.h"

#define LAUNCH_INITRAMFS_MAX_BYTES (512u << 20)

/* Everything a creation owns until it is complete. */
struct launch_context {
	const struct launch *launch;
	struct settings settings;
	struct host_facts facts;
	enum vm_accel accel;
	char qemu[PATH_MAX];
	struct oci_config *config;
	struct plan *plan;
	struct state state;
	struct cgroup_host cgroup;
	bool has_cgroup; /* or a part of one */
	char *state_dir;
	char *initramfs; /* of this VM alone; NULL: the settings' */
	int root_dirfd;
	int state_dirfd;
	int listen_fd;
	int sync_fd;
	int log_fd;
	int netns_fd; /* see struct monitor_start */
	int console_log_fd;
	int gdb_fd;
	int notify_fd;
	int pidfd;
	bool want_systemd_cgroup;
	int holder_pidfd; /* of the process that keeps a scope alive for the monitor */
	struct launch_ids ids;
	struct image image; /* that the root is on */
	struct monitor_start start;
	struct stdio_plan *io; /* the caller's */
};

static void launch_context_done(struct launch_context *x)
{
	cgroup_host_done(&x->cgroup);
	plan_free(x->plan);
	oci_config_free(x->config);
	settings_done(&x->settings);
	state_done(&x->state);
	free(x->state_dir);
	free(x->initramfs);
	fd_close(&x->root_dirfd);
	fd_close(&x->state_dirfd);
	fd_close(&x->listen_fd);
	fd_close(&x->sync_fd);
	fd_close(&x->log_fd);
	fd_close(&x->netns_fd);
	fd_close(&x->console_log_fd);
	fd_close(&x->gdb_fd);
	fd_close(&x->notify_fd);
	fd_close(&x->pidfd);
	launch_ids_close(&x->ids);
	free(x->start.from_key);
	image_done(&x->image);
}

static int launch_choose_accel(struct launch_context *x, struct err *e)
{
	const struct vm_arch *arch = vm_arch_find(vm_arch_host(), NULL);
	const char *reason = NULL;
	unsigned int needs = accel_needs(x->settings.accel, arch->oci) | FACTS_NEED_VIRTIOFSD;
	const char *qemu = x->plan->vm_qemu ? x->plan->vm_qemu : x->settings.qemu;
	int r = vm_qemu_find(arch, qemu, x->qemu, e);

	if (r == 0)
		r = host_facts_get(rundir_host(), needs, x->settings.virtiofsd, &x->facts, e);
	if (r == 0)
		r = accel_choose(x->settings.accel, arch->oci, &x->facts, &x->accel, &reason, e);
	if (r == 0 && reason && x->facts.was_kvm_probed)
		log_warn("no KVM, using TCG (slow): %s", reason);
	return r;
}

/* Also of those that a VM cannot join: a path that leads nowhere is a mistake in any case. */
static int launch_check_namespaces(const struct oci_linux *l, struct err *e)
{
	for (size_t i = 0; i < l->namespace_count; i++) {
		const struct oci_namespace *ns = &l->namespaces[i];
		int wanted = (int)oci_ns_clone_flag(ns->type);
		int type = ns->path && wanted ? nstype_of(ns->path) : wanted;

		if (type < 0)
			return err_sys(e, type, "config.json: linux.namespaces: '%s'", ns->path);
		if (type != wanted)
			return err_set(e, -EINVAL,
				       "config.json: linux.namespaces: '%s' is no namespace of the "
				       "type '%s'",
				       ns->path, ns->name);
	}
	return 0;
}

static int launch_check_network(struct launch_context *x, struct err *e)
{
	bool is_host = !x->plan->want_new_netns;
	struct user_network host;
	int r = 0;

	if (x->plan->netns_path)
		r = namespace_check(x->plan->netns_path, &is_host, e);
	if (r < 0 || (!is_host && !x->plan->want_user_network))
		return r;
	if (!is_host && x->plan->netns_path)
		return err_set(e, -ENOTSUP,
			       "config.json: annotations: io.vmrt.network: the network namespace "
			       "has a path ('%s'): what is in it would be the container's",
			       x->plan->netns_path);
	r = user_network_look(x->settings.passt, &host, e);
	if (r < 0)
		return r;
	plan_set_user_network(x->plan, &host, is_host);
	if (!x->plan->want_new_netns)
		return 0;
	x->netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return x->netns_fd < 0 ? err_sys(e, -errno, "opening the caller's network namespace") : 0;
}

/* The caller's own, which is raw while it is the container's. */
static bool launch_has_terminal(const struct launch_context *x)
{
	return x->launch->is_foreground && x->config->process->terminal;
}

static int launch_open_image(struct launch_context *x, struct err *e)
{
	const struct plan *plan = x->plan;
	enum image_format wanted = plan->is_vm_image_qcow2 ? IMAGE_QCOW2 : IMAGE_RAW;
	int r;

	if (!plan->vm_image)
		return 0;
	r = image_open(plan->vm_image, plan->is_vm_image_writable, &x->image, e);
	if (r == 0 && x->image.format != wanted)
		r = err_set(e, -EINVAL, "'%s' has another format", plan->vm_image);
	if (r == 0 && !plan->is_vm_image_writable)
		r = image_cover(&x->image, e);
	return r < 0 ? err_prefix(e, r, "config.json: vm.image") : 0;
}

/* All that can fail without having touched anything. */
static int launch_load(struct launch_context *x, struct err *e)
{
	const char *wanted = x->launch->bundle ? x->launch->bundle : ".";
	auto_free char *bundle = realpath(wanted, NULL);
	auto_free char *path = NULL;
	int r;

	if (!bundle)
		return err_sys(e, -errno, "bundle '%s'", wanted);
	path = xasprintf("%s/config.json", bundle);
	r = settings_load(&x->settings, e);
	if (r == 0 && x->launch->is_bundle_trusted)
		settings_trust_bundle(&x->settings);
	if (r == 0)
		r = oci_config_load(path, &x->config, e);
	if (r == 0)
		r = oci_config_check(x->config, e);
	if (r == 0 && x->launch->dry_run)
		r = dry_run_check(x->config, &x->settings, e);
	/* A terminal that is raw must not stay so: until there is a monitor to give it back. */
	if (r == 0 && launch_has_terminal(x))
		foreground_hold_signals();
	if (r == 0)
		r = stdio_prepare(x->io, x->config->process, x->launch->console_socket,
				  !x->launch->is_foreground, e);
	if (r == 0)
		r = plan_make(x->config, bundle, &x->settings, x->io->kinds, &x->plan, e);
	if (r == 0)
		r = settings_check_files(&x->settings, e);
	if (r == 0 && x->plan->vm_kernel)
		r = settings_check_readable("the kernel", x->plan->vm_kernel, e);
	if (r == 0 && x->plan->vm_initrd && access(x->plan->vm_initrd, R_OK) < 0)
		r = err_sys(e, -errno, "the initrd '%s'", x->plan->vm_initrd);
	if (r == 0)
		r = launch_open_image(x, e);
	if (r == 0)
		r = share_check_binds(x->plan->binds, x->plan->bind_count, e);
	if (r == 0)
		r = socket_type_check(x->plan->binds, x->plan->bind_count, e);
	if (r == 0)
		r = plan_set_submounts(x->plan, e);
	for (size_t i = 0; r == 0 && i < x->plan->disk_count; i++)
		r = disk_find(&x->plan->disks[i], e);
	if (r == 0)
		r = launch_check_namespaces(&x->config->linux_, e);
	if (r == 0)
		r = launch_check_network(x, e);
	if (r < 0)
		return r;
	stdio_set_size(x->io, &x->plan->guest.process);
	plan_set_files(x->plan);
	plan_set_disks(x->plan);
	plan_inherit_rlimits(&x->plan->guest.process);
	x->plan->guest.id = x->launch->id;
	x->plan->guest.has_foreign_files = !userns_is_initial();
	x->notify_fd = notify_connect(x->plan, x->launch->is_foreground, x->io);
	return launch_choose_accel(x, e);
}

/* Measured with TCG after 300 programs had run: 54 MiB of anonymous memory beside the guest's, in
 * QEMU, virtiofsd and the monitor together. TCG's buffer of translations may grow to 1 GiB. */
static struct state_vm launch_vm(const struct launch_context *x)
{
	return (struct state_vm){
		.memory_mib = x->plan->memory_mib,
		.vcpus = x->plan->vcpus,
		.host_mib = x->accel == VM_ACCEL_TCG ? 1024 + 192 : 192,
	};
}

static void launch_fill_state(struct launch_context *x)
{
	const struct oci_pairs *annotations = &x->config->annotations;
	struct state *s = &x->state;
	struct timespec now;
	char when[64];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	s->created = xasprintf("%s.%09ldZ", when, now.tv_nsec);
	s->id = xstrdup(x->launch->id);
	s->bundle = xstrdup(x->plan->bundle);
	s->rootfs = xstrdup(x->plan->rootfs);
	s->oci_version = xstrdup(x->config->oci_version);
	s->status = STATE_CREATING;
	s->vm = launch_vm(x);
	s->annotation_keys = xcalloc(annotations->count, sizeof(char *));
	s->annotation_values = xcalloc(annotations->count, sizeof(char *));
	for (size_t i = 0; i < annotations->count; i++) {
		s->annotation_keys[i] = xstrdup(annotations->at[i].key);
		s->annotation_values[i] = xstrdup(annotations->at[i].value);
	}
	s->annotation_count = annotations->count;
}

/* What the hooks inside read: there the container's process is number 1. */
static void launch_describe_to_guest(struct launch_context *x)
{
	struct state inside = x->state;

	inside.status = STATE_CREATED;
	inside.pid = 1;
	if (x->plan->guest.start_hook_count)
		x->plan->guest.start_hook_state = plan_own(x->plan, hook_state_text(&inside));
}

/* The bundle's config.json as it is now: the hooks of `start` and `delete` come from here. */
static int launch_keep_config(struct launch_context *x, struct err *e)
{
	auto_free char *path = xasprintf("%s/config.json", x->plan->bundle);
	auto_free char *text = NULL;
	auto_close int fd = -1;
	size_t size;
	int r = fd_read_file(AT_FDCWD, path, OCI_CONFIG_MAX_BYTES, &text, &size);

	if (r == 0) {
		fd = openat(x->state_dirfd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600);
		r = fd < 0 ? -errno : fd_write_all(fd, text, size);
	}
	return r < 0 ? err_sys(e, r, "keeping config.json") : 0;
}

static int launch_make_directory(struct launch_context *x, const char *root, struct err *e)
{
	auto_free char *real = NULL;
	int r;

	x->root_dirfd = state_open_root(root, true, e);
	if (x->root_dirfd < 0)
		return x->root_dirfd;
	real = realpath(root, NULL);
	if (!real)
		return err_sys(e, -errno, "the state directory '%s'", root);
	x->state_dir = xasprintf("%s/%s", real, x->launch->id);
	x->state_dirfd = state_create(x->root_dirfd, x->launch->id, e);
	if (x->state_dirfd < 0)
		return x->state_dirfd;
	r = launch_keep_config(x, e);
	if (r == 0 && mkdirat(x->state_dirfd, "share", 0700) < 0)
		r = err_sys(e, -errno, "making the share's mount point");
	if (r < 0)
		return r;
	x->log_fd = openat(x->state_dirfd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	log_set_container(x->log_fd);
	x->listen_fd = ctl_listen(x->state_dirfd, e);
	return x->listen_fd < 0 ? x->listen_fd : 0;
}

static int launch_make_cgroup(struct launch_context *x, struct err *e)
{
	const struct cgroup_request request = {
		.want_systemd = x->want_systemd_cgroup,
		.path = x->config->linux_.cgroups_path,
		.id = x->launch->id,
		.resources = x->config->linux_.resources,
		.annotations = &x->config->annotations,
		.overhead = container_overhead(&x->state.vm, x->config->linux_.resources),
		.state_dirfd = x->state_dirfd,
	};

	x->has_cgroup = true;
	return cgroup_driver_make(&request, &x->cgroup, &x->holder_pidfd, e);
}

static int launch_fork(struct launch_context *x, struct err *e)
{
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
	int sync[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		return err_sys(e, -errno, "making a socket pair");
	x->sync_fd = sync[0];
	r = launch_ids_open(&x->settings.ids, x->launch->caller_ids, &x->config->linux_, &x->ids,
			    e);
	if (r < 0) {
		fd_close(&sync[1]);
		return r;
	}
	fd_set_nonblock(sync[1], 1);
	x->start = (struct monitor_start){
		.plan = x->plan,
		.settings = &x->settings,
		.facts = &x->facts,
		.accel = x->accel,
		.cgroup = &x->cgroup,
		.qemu = x->qemu,
		.id = x->launch->id,
		.state_dir = x->state_dir,
		.state_dirfd = x->state_dirfd,
		.listen_fd = x->listen_fd,
		.sync_fd = sync[1],
		.log_fd = x->log_fd,
		.netns_fd = x->netns_fd,
		.console_log_fd = x->console_log_fd,
		.gdb_fd = x->gdb_fd,
		.initramfs = x->initramfs ? x->initramfs : x->settings.initramfs,
		.notify_fd = x->notify_fd,
		.image = x->plan->vm_image ? &x->image : NULL,
		.qemu_id = x->ids.qemu,
		.share_userns_fd = x->ids.share_fd,
		.from = STORE_TEMPLATE_NONE,
		.stdio = {x->io->fds[0], x->io->fds[1], x->io->fds[2]},
		.tty_fd = x->io->tty_fd,
		.owns_tty = x->io->owns_tty,
		.raw = &x->io->raw,
		.caller_pidfd = x->io->caller_pidfd,
		.is_foreground = x->launch->is_foreground,
	};
	if (x->plan->want_new_netns)
		flags |= CLONE_NEWNET;
	machine_find_template(&x->start);
	r = spawn_monitor(flags, monitor_run, &x->start, &x->state.pid, &x->pidfd, e);
	fd_close(&x->start.from.fd);
	fd_close(&sync[1]);
	if (launch_has_terminal(x))
		foreground_release_signals();
	if (r == 0)
		r = state_write_monitor(x->state_dirfd, x->state.pid, e);
	return r;
}

static int launch_await(struct launch_context *x, struct err *e)
{
	uint8_t buffer[CTL_PACKET_MAX];
	struct ctl_message reply;
	int r = ctl_receive(x->sync_fd, &reply, buffer);

	/* The monitor's end is the end of its socket: no second thing has to be watched. */
	if (r < 0)
		return err_set(e, -EIO, "the monitor ended before the container was complete");
	if (reply.error)
		return err_set(e, -reply.error, "%s", reply.text);
	return 0;
}

static int launch_commit(struct launch_context *x, struct err *e)
{
	const struct ctl_message commit = {.verb = CTL_COMMIT};

	/* A monitor that is gone may have left its reason in the socket. */
	(void)ctl_send(x->sync_fd, &commit);
	return launch_await(x, e);
}

/* O_NONBLOCK: a reader that sleeps must not hold the monitor. */
static int launch_open_console_log(struct launch_context *x, struct err *e)
{
	const char *path = x->launch->console_log;

	if (!path)
		return 0;
	x->console_log_fd =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	return x->console_log_fd < 0 ? err_sys(e, -errno, "option --console-log: '%s'", path) : 0;
}

/* The caller removes it, as it is the caller's to name. */
static int launch_open_gdb(struct launch_context *x, struct err *e)
{
	const char *path = x->launch->gdb;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!path)
		return 0;
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, -ENAMETOOLONG, "option --gdb: '%s' is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	x->gdb_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (x->gdb_fd < 0 || bind(x->gdb_fd, (const void *)&address, sizeof(address)) < 0 ||
	    listen(x->gdb_fd, 1) < 0)
		return err_sys(e, -errno, "option --gdb: '%s'", path);
	return 0;
}

static int launch_append_file(int to, const char *path, const char *what, struct err *e)
{
	static const char zeros[3];
	auto_free char *data = NULL;
	size_t size;
	int r = fd_read_file(AT_FDCWD, path, LAUNCH_INITRAMFS_MAX_BYTES, &data, &size);

	if (r == 0)
		r = fd_write_all(to, data, size);
	/* Archives begin at multiples of 4; the kernel skips zeros between them. */
	if (r == 0)
		r = fd_write_all(to, zeros, -size & 3);
	return r < 0 ? err_sys(e, r, "%s '%s'", what, path) : 0;
}

/* The kernel unpacks one archive after the other: ours, then the bundle's. */
static int launch_make_initramfs(struct launch_context *x, struct err *e)
{
	auto_close int fd = -1;
	int r;

	if (!x->plan->vm_initrd)
		return 0;
	fd = openat(x->state_dirfd, "initramfs", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, -errno, "making the initramfs");
	x->initramfs = xasprintf("%s/initramfs", x->state_dir);
	r = launch_append_file(fd, x->settings.initramfs, "vmrt's initramfs", e);
	return r < 0 ? r : launch_append_file(fd, x->plan->vm_initrd, "the initrd", e);
}

static int launch_complete(struct launch_context *x, const char *root, struct err *e)
{
	int r = launch_make_directory(x, root, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < x->plan->warnings.count; i++)
		log_warn("%s", x->plan->warnings.at[i]);
	launch_fill_state(x);
	launch_describe_to_guest(x);
	r = launch_open_console_log(x, e);
	if (r == 0)
		r = launch_open_gdb(x, e);
	if (r == 0)
		r = launch_make_initramfs(x, e);
	if (r == 0)
		r = launch_make_cgroup(x, e);
	if (r == 0)
		r = launch_fork(x, e);
	if (r == 0)
		r = hook_run_all(x->config, OCI_HOOK_PRESTART, &x->state, e);
	if (r == 0)
		r = hook_run_all(x->config, OCI_HOOK_CREATE_RUNTIME, &x->state, e);
	/* In the runtime's namespaces too: the container's mount namespace is in the VM. */
	if (r == 0)
		r = hook_run_all(x->config, OCI_HOOK_CREATE_CONTAINER, &x->state, e);
	if (r == 0)
		r = launch_await(x, e);
	/* The monitor is in the cgroup. */
	if (x->holder_pidfd >= 0)
		spawn_kill(&x->holder_pidfd);
	if (r == 0)
		r = state_write(x->state_dirfd, &x->state, e);
	if (r == 0)
		r = pid_file_write(x->launch->pid_file, x->state.pid, e);
	if (r == 0)
		r = launch_commit(x, e);
	return r;
}

static void launch_end_monitor(struct launch_context *x)
{
	int status;

	pidfd_send_signal(x->pidfd, SIGKILL, NULL, 0);
	if (spawn_wait(x->pidfd, CONTAINER_END_WAIT_MS, &status) < 0)
		log_warn("the monitor does not end after SIGKILL");
	fd_close(&x->pidfd);
}

/* While a template is made there is no monitor yet: `delete --force` takes the directory for what a
 * creation has left, and the name may be another container's by now. */
static bool launch_has_state(const struct launch_context *x)
{
	struct stat own;
	struct stat st;

	return fstat(x->state_dirfd, &own) == 0 &&
	       fstatat(x->root_dirfd, x->launch->id, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == own.st_dev && st.st_ino == own.st_ino;
}

/* Takes back what a failed creation has made; the error that is being reported stays. */
static void launch_undo(struct launch_context *x)
{
	bool was_made = x->state_dirfd >= 0;
	bool is_ours = false;
	struct err ignored;

	log_set_container(-1);
	fd_close(&x->listen_fd);
	fd_close(&x->log_fd);
	fd_close(&x->sync_fd);
	launch_ids_close(&x->ids);
	if (x->pidfd >= 0) {
		launch_end_monitor(x);
		x->state.status = STATE_STOPPED;
		if (hook_run_all(x->config, OCI_HOOK_POSTSTOP, &x->state, &ignored) < 0)
			log_warn("%s", ignored.text);
	}
	if (!was_made)
		return;
	/* It has the list of what is left: delete --force finds it. */
	if (x->has_cgroup && cgroup_driver_remove(x->state_dirfd, &ignored) < 0)
		log_warn("%s", ignored.text);
	else
		is_ours = launch_has_state(x);
	/* It may be descriptors that there are none of. */
	fd_close(&x->state_dirfd);
	if (is_ours)
		(void)state_remove(x->root_dirfd, x->launch->id);
}

static int launch_dry_run(struct launch_context *x, struct err *e)
{
	struct dry_run dry = {
		.plan = x->plan,
		.settings = &x->settings,
		.facts = &x->facts,
		.accel = x->accel,
		.qemu = x->qemu,
		.id = x->launch->id,
		.console_log = x->launch->console_log,
		.gdb = x->launch->gdb,
	};
	int r;

	x->state_dir = realpath(x->launch->dry_run, NULL);
	if (!x->state_dir)
		return err_sys(e, -errno, "option --dry-run: '%s'", x->launch->dry_run);
	x->state_dirfd = open(x->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (x->state_dirfd < 0)
		return err_sys(e, -errno, "option --dry-run: '%s'", x->launch->dry_run);
	r = launch_make_initramfs(x, e);
	dry.dir = x->state_dir;
	dry.initramfs = x->initramfs ? x->initramfs : x->settings.initramfs;
	return r < 0 ? r : dry_run_print(&dry, e);
}

int launch_create(const struct cmd *c, const struct launch *launch, struct stdio_plan *io,
		  int *ret_pidfd, struct err *e)
{
	struct launch_context x = {
		.launch = launch,
		.io = io,
		.root_dirfd = -1,
		.state_dirfd = -1,
		.listen_fd = -1,
		.sync_fd = -1,
		.log_fd = -1,
		.netns_fd = -1,
		.console_log_fd = -1,
		.gdb_fd = -1,
		.notify_fd = -1,
		.pidfd = -1,
		.want_systemd_cgroup = c->global.want_systemd_cgroup,
		.holder_pidfd = -1,
		.ids = LAUNCH_IDS_NONE,
		.image = {.fd = -1, .overlay_fd = -1},
	};
	int r = state_check_id(launch->id, e);

	log_debug("phase: create begins");
	if (r == 0)
		r = launch_load(&x, e);
	if (r == 0 && launch->dry_run) {
		r = launch_dry_run(&x, e);
	} else if (r == 0) {
		r = launch_complete(&x, cmd_root(c), e);
		if (r < 0)
			launch_undo(&x);
	}
	log_set_container(-1);
	if (r == 0)
		*ret_pidfd = take_fd(x.pidfd);
	launch_context_done(&x);
	return r;
}
