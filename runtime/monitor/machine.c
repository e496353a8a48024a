/* Starting the container's VM and explaining its death. Must not speak the protocol. */
#include "runtime/monitor/machine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/socket_link.h"
#include "runtime/image/image.h"
#include "runtime/log/log.h"
#include "runtime/proc/spawn.h"
#include "runtime/sandbox/helper_filter.h"
#include "runtime/sandbox/jail.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/vm/vm.h"

#define MACHINE_TAIL_ROUNDS   16
#define MACHINE_CONSOLE_BYTES (64 << 20)
#define MACHINE_QEMU_FDS      10 /* beside the taps */
#define MACHINE_JAIL_BACKLOG  "/backlog.so"

static const char *const machine_fifo_names[PROTO_STREAM_COUNT] = {
	[PROTO_STDIN] = "stdin",
	[PROTO_STDOUT] = "stdout",
	[PROTO_STDERR] = "stderr",
};
/* QEMU's pipe chardev wants two FIFOs, one per direction. A stream uses one of them: the other is
 * there so that QEMU does not fall back to one FIFO for both and reads back what it wrote. */
int machine_make_fifos(const struct machine *m, const char *name, enum proto_stream stream)
{
	static const char *const suffix[2] = {"in", "out"};
	auto_close int used = -1;
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s.%s", name, suffix[i]);
		/* For QEMU's user; the state directory keeps everybody else out. */
		if (mkfifoat(m->ports_dirfd, path, 0600) < 0 ||
		    fchmodat(m->ports_dirfd, path, 0666, 0) < 0)
			return -errno;
		if (i != (stream == PROTO_STDIN ? 0 : 1))
			continue;
		/* Read-write: opening does not wait for QEMU, and a QEMU that dies leaves no
		 * end-of-file. */
		used = openat(m->ports_dirfd, path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (used < 0)
			return -errno;
	}
	/* Best effort: the default of 64 KiB works, slower. */
	(void)fcntl(used, F_SETPIPE_SZ, MACHINE_FIFO_BYTES);
	return take_fd(used);
}

void machine_unlink_fifos(const struct machine *m, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s.in", name);
	unlinkat(m->ports_dirfd, path, 0);
	snprintf(path, sizeof(path), "%s.out", name);
	unlinkat(m->ports_dirfd, path, 0);
}

void machine_forget_fifos(const struct machine *m)
{
	for (int i = 0; i < PROTO_STREAM_COUNT; i++)
		machine_unlink_fifos(m, machine_fifo_names[i]);
}

static int machine_open_ports(struct machine *m, const struct monitor_start *start, struct err *e)
{
	if (mkdirat(start->state_dirfd, MACHINE_PORTS, 0755) == 0)
		m->ports_dirfd = openat(start->state_dirfd, MACHINE_PORTS,
					O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->ports_dirfd < 0 || fchmodat(start->state_dirfd, MACHINE_PORTS, 0755, 0) < 0)
		return err_sys(e, -errno, "making the folder of named pipes");
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		if (start->plan->guest.process.stdio[i] != GUEST_STDIO_PIPE)
			continue;
		m->fifo_fds[i] = machine_make_fifos(m, machine_fifo_names[i], i);
		if (m->fifo_fds[i] < 0)
			return err_sys(e, m->fifo_fds[i], "making the named pipes of %s",
				       machine_fifo_names[i]);
	}
	return 0;
}

int machine_pair(int fds[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(e, -errno, "making a socket pair");
	return fd_set_nonblock(fds[0], 1);
}

int machine_pipe(int fds[2], struct err *e)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	return fd_set_nonblock(fds[0], 1);
}

static int machine_start_share(struct machine *m, const struct monitor_start *start,
			       const char *share_dir, int listen_fd, bool is_flat, struct err *e)
{
	struct virtiofsd_plan plan = {
		.binary = &start->facts->virtiofsd,
		.share_dir = share_dir,
		.listen_fd = CHILD_FD_SHARE,
		.nofile = virtiofsd_nofile(),
		.is_flat = is_flat,
		.is_debug = false,
	};
	struct strv argv = {0};
	struct strv env = {0};
	struct sock_fprog filter = {0};
	struct sandbox sandbox;
	int errors[2];
	int r;

	r = machine_pipe(errors, e);
	if (r < 0)
		return r;
	m->share_errors.fd = errors[0];
	sandbox_init_virtiofsd(&sandbox);
	sandbox.filter = &filter;
	r = helper_filter_make(&filter, e);
	if (r == 0)
		r = virtiofsd_argv(&plan, &argv, e);
	if (r == 0) {
		struct spawn_fd fds[] = {{listen_fd, CHILD_FD_SHARE}, {errors[1], STDERR_FILENO}};
		struct spawn s = {
			.name = "virtiofsd",
			.path = plan.binary->path,
			.argv = argv.at,
			.fds = fds,
			.fd_count = sizeof(fds) / sizeof(*fds),
			.want_new_mount_ns = true,
			.userns_fd = start->share_userns_fd >= 0 ? &start->share_userns_fd : NULL,
			.sandbox = &sandbox,
			.death_signal = SIGKILL,
			.is_not_of_group = true,
		};

		virtiofsd_env(&plan, &env);
		s.envp = env.at;
		r = spawn_start(&s, &m->share_pid, NULL, e);
	}
	fd_close(&errors[1]);
	helper_filter_done(&filter);
	strv_done(&argv);
	strv_done(&env);
	return r;
}

static size_t machine_give_nics(struct machine *m, int passt_fd, struct spawn_fd *fds)
{
	size_t count = 0;

	if (passt_fd >= 0)
		fds[count++] = (struct spawn_fd){passt_fd, CHILD_FD_NIC};
	for (size_t i = 0; i < m->net.slot_count; i++) {
		const struct net_slot *slot = &m->net.slots[i];

		for (size_t q = 0; q < net_queue_count(slot); q++) {
			int from = q ? slot->tap.more_fds[q - 1] : slot->tap.fd;

			fds[count++] = (struct spawn_fd){from, machine_tap_fd(i) + (int)q};
			if (slot->vhost_fds[0] >= 0)
				fds[count++] = (struct spawn_fd){slot->vhost_fds[q],
								 machine_vhost_fd(i) + (int)q};
		}
	}
	return count;
}

/* Opens the host's block devices; QEMU's numbers for them are in the plan. */
static int machine_open_disks(const struct plan *plan, struct vm_plan *vm, struct spawn_fd *fds,
			      size_t *count, struct err *e)
{
	static const char *const serials[] = {GUEST_DISK_SERIAL "1", GUEST_DISK_SERIAL "2",
					      GUEST_DISK_SERIAL "3", GUEST_DISK_SERIAL "4"};

	_Static_assert(sizeof(serials) / sizeof(*serials) == GUEST_DISK_MAX, "one for each disk");
	for (size_t i = 0; i < plan->disk_count; i++) {
		struct vm_disk *disk = &vm->disks[vm->disk_count];
		int fd;

		if (plan->disks[i].is_guests)
			continue;
		fd = disk_open(&plan->disks[i], e);
		if (fd < 0)
			return fd;
		disk->is_writable = plan->disks[i].is_writable;
		disk->is_file = plan->disks[i].file;
		disk->serial = serials[i];
		disk->fd = CHILD_FD_DISK + (int)i;
		vm->disk_count++;
		fds[(*count)++] = (struct spawn_fd){fd, disk->fd};
	}
	return 0;
}

/* Has QEMU ports of the host's, and what makes it listen well (preload/backlog.c)? */
static bool machine_wants_backlog(const struct monitor_start *start)
{
	const struct plan *plan = start->plan;

	if (!plan->user_network.want_host_ports && !plan->qemu_forwards)
		return false;
	if (access(start->settings->backlog, R_OK) == 0)
		return true;
	log_info("network: no '%s': QEMU takes one new connection at a time",
		 start->settings->backlog);
	return false;
}

/* What QEMU sees of the host: programs and libraries, its two files, the folder of its pipes. */
static int machine_plan_jail(const struct monitor_start *start, const char *top, const char *ports,
			     bool has_memory, struct jail *jail, char *home, struct err *e)
{
	const struct plan *plan = start->plan;
	int r = 0;

	jail_init(jail, top, start->qemu_id.id, start->qemu_id.id);
	jail_add_programs(jail, start->qemu, home);
	jail_add_file(jail, plan->vm_kernel ? plan->vm_kernel : start->settings->kernel,
		      MACHINE_JAIL_KERNEL);
	jail_add_file(jail, start->initramfs, MACHINE_JAIL_INITRAMFS);
	jail_add_tree(jail, ports, MACHINE_PORTS);
	if (has_memory)
		jail_add_mount(jail, CHILD_FD_MEMORY, MACHINE_MEMORY);
	if (start->accel == VM_ACCEL_KVM)
		r = jail_add_device(jail, "/dev/kvm", "/dev/kvm");
	/* The user-mode network asks the host's DNS server. */
	if (plan->has_user_network && access("/etc/resolv.conf", R_OK) == 0)
		jail_add_file(jail, "/etc/resolv.conf", "/etc/resolv.conf");
	if (machine_wants_backlog(start))
		jail_add_file(jail, start->settings->backlog, MACHINE_JAIL_BACKLOG);
	return r < 0 ? err_sys(e, r, "kvm: '/dev/kvm'") : 0;
}

int machine_spawn_qemu(struct machine *m, const struct monitor_start *start,
		       const struct spawn_fd *fds, size_t fd_count, const struct strv *argv,
		       struct err *e)
{
	/* The share's mount point is still empty, and the jail's mounts are not seen here. */
	auto_free char *top = xasprintf("%s/share", start->state_dir);
	auto_free char *ports = xasprintf("%s/" MACHINE_PORTS, start->state_dir);
	char *const backlog[] = {"LD_PRELOAD=" MACHINE_JAIL_BACKLOG, NULL};
	char home[PATH_MAX];
	struct sandbox sandbox;
	struct jail jail;
	struct spawn s = {
		.name = "qemu",
		.path = start->qemu,
		.argv = argv->at,
		.envp = machine_wants_backlog(start) ? backlog : NULL,
		.fds = fds,
		.fd_count = fd_count,
		.want_new_mount_ns = true,
		.jail = &jail,
		.sandbox = &sandbox,
		.death_signal = SIGKILL,
		.is_not_of_group = true,
	};
	int r = machine_plan_jail(start, top, ports, m->memory.mount_fd >= 0, &jail, home, e);

	sandbox_init_qemu(&sandbox, start->qemu_id.id);
	if (start->plan->has_user_network)
		sandbox_allow_user_network(&sandbox, start->plan->user_network.want_host_ports);
	return r < 0 ? r : spawn_start(&s, &m->qemu_pid, NULL, e);
}

/* A console is written in pieces of 16 bytes, each of which costs the socket 800, and QEMU throws
 * away what has no room. Where somebody keeps the text, room for a megabyte of it. */
static void machine_widen_console(int fd)
{
	static const int bytes = MACHINE_CONSOLE_BYTES;

	/* Best effort: without the privilege the system's limit stays. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
}

static int machine_start_qemu(struct machine *m, const struct monitor_start *start, int share_fd,
			      int passt_fd, struct err *e)
{
	int control[2] = {-1, -1};
	int console[2] = {-1, -1};
	int qmp[2] = {-1, -1};
	int sockets[2] = {-1, -1};
	int errors[2] = {-1, -1};
	struct spawn_fd disk_fds[GUEST_DISK_MAX];
	size_t disk_count = 0;
	struct strv argv = {0};
	struct vm_plan vm;
	int r;

	if (machine_pair(control, e) < 0 || machine_pair(console, e) < 0 ||
	    machine_pair(qmp, e) < 0 ||
	    (start->plan->guest.socket_count && machine_pair(sockets, e) < 0) ||
	    machine_pipe(errors, e) < 0)
		return -EMFILE;
	m->control_fd = control[0];
	m->console.fd = console[0];
	if (start->console_log_fd >= 0)
		machine_widen_console(console[1]);
	m->qmp_fd = qmp[0];
	m->sockets_fd = sockets[0];
	m->qemu_errors.fd = errors[0];
	machine_plan_vm(m, start, &vm);
	r = machine_open_disks(start->plan, &vm, disk_fds, &disk_count, e);
	if (r == 0)
		r = vm_qemu_argv(&vm, &argv, e);
	if (r == 0) {
		struct spawn_fd fds[MACHINE_QEMU_FDS + 2 * NET_SLOT_MAX * TAP_QUEUE_MAX +
				    GUEST_DISK_MAX + IMAGE_FD_COUNT] = {
			{share_fd, CHILD_FD_SHARE},	{control[1], CHILD_FD_CONTROL},
			{console[1], CHILD_FD_CONSOLE}, {qmp[1], CHILD_FD_QMP},
			{errors[1], STDERR_FILENO},	{start->qemu_id.qemu_fd, CHILD_FD_ID},
		};
		size_t count = 6;

		if (sockets[1] >= 0)
			fds[count++] = (struct spawn_fd){sockets[1], CHILD_FD_SOCKETS};
		if (start->gdb_fd >= 0)
			fds[count++] = (struct spawn_fd){start->gdb_fd, CHILD_FD_GDB};
		count += machine_give_memory(m, fds + count);
		count += machine_give_nics(m, passt_fd, fds + count);
		if (start->image)
			count += image_give_fds(start->image, CHILD_FD_IMAGE, fds + count);
		memcpy(fds + count, disk_fds, disk_count * sizeof(*fds));
		r = machine_spawn_qemu(m, start, fds, count + disk_count, &argv, e);
	}
	if (start->image)
		image_done(start->image);
	for (size_t i = 0; i < disk_count; i++)
		fd_close(&disk_fds[i].from);
	strv_done(&argv);
	fd_close(&control[1]);
	fd_close(&console[1]);
	fd_close(&qmp[1]);
	fd_close(&sockets[1]);
	fd_close(&errors[1]);
	return r;
}

/* QEMU, and what its user-mode network needs. */
static int machine_start_vm(struct machine *m, const struct monitor_start *start, int share_fd,
			    struct err *e)
{
	auto_close int passt_fd = -1;
	auto_close int own = -1;
	int r = machine_enter_network(start, &own, e);

	if (r == 0 && start->plan->user_network.passt)
		r = machine_start_passt(m, start, &passt_fd, e);
	if (r == 0)
		r = machine_start_qemu(m, start, share_fd, passt_fd, e);
	return r < 0 ? r : machine_leave_network(own, e);
}

/* Everything that runs. When what is restored does not, the second time boots. */
static int machine_start_all(struct machine *m, const struct monitor_start *start,
			     const char *share_dir, bool is_again, bool *is_flat, struct err *e)
{
	const struct plan *plan = start->plan;
	auto_close int listen_fd = -1;
	auto_close int share_fd = -1;
	/* QEMU first: it needs 25 ms until it looks at the share's socket. */
	int r = virtiofsd_socket(start->state_dir, &listen_fd, &share_fd, e);

	if (r == 0)
		r = machine_start_vm(m, start, share_fd, e);
	if (r == 0 && !is_again)
		r = share_build(share_dir, plan->rootfs, plan->guest.is_root_cow, plan->binds,
				plan->bind_count, is_flat, e);
	if (r == 0)
		r = machine_start_share(m, start, share_dir, listen_fd, *is_flat, e);
	/* QEMU is to see it when virtiofsd is gone. */
	fd_close(&listen_fd);
	return r < 0 || m->origin == VM_BOOTED ? r : machine_restore(m, start, e);
}

static int machine_open_network(struct machine *m, const struct monitor_start *start, struct err *e)
{
	/* Not under TCG, which would not see what the kernel writes into guest memory. */
	const struct net_options options = {
		.slot_count = start->plan->nic_count,
		.is_namespace_new = start->plan->want_new_netns,
		.want_vhost = start->accel == VM_ACCEL_KVM,
		.cpu_count = start->plan->vcpus,
	};

	return start->plan->has_user_network ? 0 : net_open(&m->net, &options, e);
}

int machine_start(struct machine *m, const struct monitor_start *start, struct err *e)
{
	const struct plan *plan = start->plan;
	auto_free char *share_dir = xasprintf("%s/share", start->state_dir);
	bool is_flat = false;
	int r;

	*m = (struct machine){.control_fd = -1,
			      .qmp_fd = -1,
			      .sockets_fd = -1,
			      .ports_dirfd = -1,
			      .fifo_fds = {-1, -1, -1}};
	m->console.fd = m->qemu_errors.fd = m->share_errors.fd = m->passt_errors.fd = -1;
	m->console.copy_fd = start->console_log_fd;
	m->qemu_errors.copy_fd = m->share_errors.copy_fd = m->passt_errors.copy_fd = -1;
	r = machine_open_ports(m, start, e);
	if (r == 0)
		r = machine_open_network(m, start, e);
	if (r < 0)
		return r;
	machine_prepare_restore(m, start);
	r = machine_start_all(m, start, share_dir, false, &is_flat, e);
	if (r < 0 && m->has_restore_failed) {
		machine_abandon_restore(m, e);
		r = machine_start_all(m, start, share_dir, true, &is_flat, e);
	}
	/* The taps are QEMU's alone from here on, the template is nobody's. */
	if (start->from.fd >= 0)
		close(start->from.fd);
	for (size_t i = 0; i < m->net.slot_count; i++)
		net_drop_fds(&m->net.slots[i]);
	if (r == 0)
		r = share_enter_root(share_dir, plan->binds, plan->bind_count, &m->skipped_binds,
				     e);
	return r;
}

static void machine_tail_append(struct machine_tail *t, const char *more, size_t size)
{
	if (t->size + size >= sizeof(t->text)) {
		size_t drop = t->size + size - sizeof(t->text) + 1;

		memmove(t->text, t->text + drop, t->size - drop);
		t->size -= drop;
	}
	for (size_t i = 0; i < size; i++)
		t->text[t->size++] = more[i] ? more[i] : '?';
	t->text[t->size] = '\0';
}

bool machine_tail_read(struct machine_tail *t)
{
	char more[1024];

	/* Bounded: a guest that floods its console must not keep the loop here. */
	for (int i = 0; i < MACHINE_TAIL_ROUNDS; i++) {
		ssize_t n = read(t->fd, more, sizeof(more));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		machine_tail_append(t, more, (size_t)n);
		if (t->copy_fd >= 0)
			(void)fd_write_all(t->copy_fd, more, (size_t)n);
	}
	return true;
}

/* Cuts the last line off the tail's end. */
const char *machine_tail_line(struct machine_tail *t)
{
	while (t->size && (unsigned char)t->text[t->size - 1] <= ' ')
		t->text[--t->size] = '\0';
	while (t->size && t->text[t->size - 1] != '\n' && t->text[t->size - 1] != '\r')
		t->size--;
	return t->text + t->size;
}

static const char *machine_find_panic(struct machine_tail *t)
{
	char *at = t->size ? strstr(t->text, "Kernel panic - not syncing: ") : NULL;

	if (at) {
		at += strlen("Kernel panic - not syncing: ");
		at[strcspn(at, "\r\n")] = '\0';
	}
	return at;
}

static void machine_describe_status(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

void machine_explain_death(struct machine *m, pid_t pid, int status, struct err *e)
{
	bool is_qemu = pid == m->qemu_pid;
	bool is_share = pid == m->share_pid;
	struct machine_tail *own = is_qemu    ? &m->qemu_errors
				   : is_share ? &m->share_errors
					      : &m->passt_errors;
	const char *name = is_qemu ? "qemu" : is_share ? "virtiofsd" : "passt";
	const char *panic;
	const char *line;
	char how[64];

	if (own->fd >= 0)
		machine_tail_read(own);
	if (m->console.fd >= 0)
		machine_tail_read(&m->console);
	panic = machine_find_panic(&m->console);
	if (panic && strstr(panic, "Attempted to kill init")) {
		err_set(e, -EIO, "guest: init died: %s", panic);
		return;
	}
	if (panic) {
		err_set(e, -EIO, "guest: kernel panic: %s", panic);
		return;
	}
	machine_describe_status(status, how, sizeof(how));
	line = machine_tail_line(own);
	if (*line)
		err_set(e, -EIO, "%s: ended unexpectedly (%s): %s", name, how, line);
	else if (is_qemu && WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		/* qemu.c: 1 is the guest's panic. An error of QEMU's own has a line. */
		err_set(e, -EIO, "guest: %s; last line of its console: %s",
			WEXITSTATUS(status) ? "kernel panic"
					    : "powered off without telling an exit status",
			machine_tail_line(&m->console));
	else
		err_set(e, -EIO, "%s: ended unexpectedly (%s)", name, how);
}
