/* `boot`: a disk image of a whole distribution in a confined QEMU, in the foreground.
 *
 *   caller ── --port NAME=FD, --share TAG=DIR ──> vmrt boot ── spawn ──> QEMU
 *     │                                              │  dies with the caller; QEMU dies with it
 *     │  SIGTERM and friends ───────────────────────>│  ends QEMU
 *
 * It boots, and no more: what is said through the ports is between the caller and the guest. There
 * is no container and no state: all that is made has no name, or goes with the process. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cmd/cmd.h"
#include "runtime/image/machine.h"
#include "runtime/log/log.h"
#include "runtime/monitor/machine.h"
#include "runtime/net/publish.h"
#include "runtime/plan/settings.h"
#include "runtime/sandbox/jail.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/userns/rundir.h"
#include "runtime/userns/userns.h"
#include "runtime/vm/facts.h"
#include "runtime/vm/vm.h"

#define BOOT_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define BOOT_NAME_BYTES 31 /* of a 9p tag */
#define BOOT_VARS_BYTES (16u << 20)
#define BOOT_JAIL_BIOS	"/bios"

/* Descriptor numbers in QEMU. */
enum {
	BOOT_FD_ID = 3,
	BOOT_FD_VARS,
	BOOT_FD_CONSOLE,
	BOOT_FD_IMAGE,
	BOOT_FD_PORT = BOOT_FD_IMAGE + IMAGE_FD_COUNT,
	BOOT_FD_END = BOOT_FD_PORT + IMAGE_PORT_MAX
};

struct boot {
	const struct cmd_values *values;
	struct settings settings;
	struct host_facts facts;
	struct image image;
	struct firmware firmware;
	struct image_machine machine;
	struct publish publish;
	char forwards[PUBLISH_QEMU_BYTES];
	char qemu[PATH_MAX];
	char *names[IMAGE_PORT_MAX + IMAGE_SHARE_MAX]; /* the words that ports and shares are in */
	size_t name_count;
	const char *dirs[IMAGE_SHARE_MAX]; /* the shares' on the host */
	char jail_dirs[IMAGE_SHARE_MAX][16];
	int port_fds[IMAGE_PORT_MAX];
	int console_fd;
	int vars_fd;
	struct ids_lease id;
	struct machine_tail errors; /* what QEMU says */
};

static void boot_done(struct boot *b)
{
	settings_done(&b->settings);
	image_done(&b->image);
	for (size_t i = 0; i < b->name_count; i++)
		free(b->names[i]);
	fd_close(&b->vars_fd);
	ids_drop(&b->id);
	fd_close(&b->errors.fd);
}

static int boot_take_fd(const char *option, const char *text, int *ret_fd, struct err *e)
{
	struct stat st;
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || fd > INT_MAX)
		return err_set(e, -EINVAL, "option --%s: expected a descriptor, got '%s'", option,
			       text);
	if (fstat((int)fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return err_set(e, -EBADF, "option --%s: descriptor %ld is no socket", option, fd);
	*ret_fd = (int)fd;
	return fd_set_cloexec(*ret_fd, 1);
}

/* NAME=VALUE, both kept in `names`. */
static int boot_split(struct boot *b, const char *option, const char *word, char **ret_value,
		      struct err *e)
{
	char *name = xstrdup(word);
	char *value = strchr(name, '=');

	b->names[b->name_count++] = name;
	if (value)
		*value++ = '\0';
	if (!value || !*name || strlen(name) > BOOT_NAME_BYTES ||
	    strspn(name, BOOT_NAME_CHARS) != strlen(name))
		return err_set(e, -EINVAL, "option --%s: expected NAME=VALUE, got '%s'", option,
			       word);
	*ret_value = value;
	return 0;
}

static int boot_take_ports(struct boot *b, struct err *e)
{
	const struct option_list *ports = &b->values->ports;
	int r = 0;

	if (ports->count > IMAGE_PORT_MAX)
		return err_set(e, -E2BIG, "option --port: more than %d", IMAGE_PORT_MAX);
	for (size_t i = 0; !r && i < ports->count; i++) {
		char *value = NULL;

		r = boot_split(b, "port", ports->at[i], &value, e);
		if (r == 0)
			r = boot_take_fd("port", value, &b->port_fds[i], e);
		b->machine.ports[b->machine.port_count++] = (struct image_port){
			.name = b->names[b->name_count - 1],
			.fd = BOOT_FD_PORT + (int)i,
		};
	}
	if (r == 0 && b->values->console_fd)
		r = boot_take_fd("console-fd", b->values->console_fd, &b->console_fd, e);
	b->machine.console_fd = b->console_fd >= 0 ? BOOT_FD_CONSOLE : -1;
	return r;
}

static int boot_take_shares(struct boot *b, struct err *e)
{
	const struct option_list *shares = &b->values->shares;
	int r = 0;

	if (shares->count > IMAGE_SHARE_MAX)
		return err_set(e, -E2BIG, "option --share: more than %d", IMAGE_SHARE_MAX);
	for (size_t i = 0; !r && i < shares->count; i++) {
		char *dir = NULL;
		size_t size;
		bool is_readonly;
		struct stat st;

		r = boot_split(b, "share", shares->at[i], &dir, e);
		if (r < 0)
			return r;
		size = strlen(dir);
		is_readonly = size > 3 && !strcmp(dir + size - 3, ":ro");
		if (is_readonly)
			dir[size - 3] = '\0';
		if (*dir != '/' || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
			return err_set(e, -ENOTDIR,
				       "option --share: '%s' is no directory by an absolute path",
				       dir);
		b->dirs[i] = dir;
		snprintf(b->jail_dirs[i], sizeof(b->jail_dirs[i]), "/share/%zu", i);
		b->machine.shares[b->machine.share_count++] = (struct image_share){
			.tag = b->names[b->name_count - 1],
			.path = b->jail_dirs[i],
			.is_readonly = is_readonly,
		};
	}
	return r;
}

static int boot_take_network(struct boot *b, struct err *e)
{
	const struct option_list *ports = &b->values->publish;
	auto_free char *text = strv_join(ports->at, ports->count, ",");
	int r = 0;

	if (b->values->net && strcmp(b->values->net, "none") && strcmp(b->values->net, "user"))
		return err_set(e, -EINVAL, "option --net: expected none or user, got '%s'",
			       b->values->net);
	b->machine.has_network = b->values->net && !strcmp(b->values->net, "user");
	if (ports->count && !b->machine.has_network)
		return err_set(e, -EINVAL, "option --publish: only with --net user");
	if (ports->count)
		r = publish_parse(text, &b->publish, e);
	if (r < 0)
		return err_prefix(e, r, "option --publish");
	publish_write_qemu(&b->publish, b->forwards);
	b->machine.forwards = b->forwards;
	return 0;
}

static int boot_take_size(struct boot *b, struct err *e)
{
	unsigned int mib = b->values->memory_mib;

	if (mib && (mib < SETTINGS_MEMORY_MIB_MIN || mib > b->settings.max_memory_mib))
		return err_set(e, -EINVAL, "option --memory: %u MiB is not between %d and %u", mib,
			       SETTINGS_MEMORY_MIB_MIN, b->settings.max_memory_mib);
	if (b->values->cpus > b->settings.max_vcpus)
		return err_set(e, -EINVAL, "option --cpus: %u are more than %u", b->values->cpus,
			       b->settings.max_vcpus);
	b->machine.memory_mib = mib ? mib : b->settings.memory_mib;
	b->machine.vcpus = b->values->cpus ? b->values->cpus : b->settings.vcpus;
	return 0;
}

static int boot_choose_accel(struct boot *b, struct err *e)
{
	const char *reason = NULL;
	int r = vm_qemu_find(vm_arch_find("amd64", "q35"), b->settings.qemu, b->qemu, e);

	if (r == 0)
		r = host_facts_get(rundir_host(), accel_needs(b->settings.accel, "amd64"), NULL,
				   &b->facts, e);
	if (r == 0)
		r = accel_choose(b->settings.accel, "amd64", &b->facts, &b->machine.accel, &reason,
				 e);
	if (r == 0 && reason && b->facts.was_kvm_probed)
		log_warn("no KVM, using TCG (slow): %s", reason);
	b->machine.qemu = b->qemu;
	return r;
}

/* Firmware writes its variables: into a copy that nobody keeps. */
static int boot_copy_vars(struct boot *b, struct err *e)
{
	auto_free char *text = NULL;
	size_t size = 0;
	int r = fd_read_file(AT_FDCWD, b->firmware.vars, BOOT_VARS_BYTES, &text, &size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", b->firmware.vars);
	b->vars_fd = memfd_create("vars", MFD_CLOEXEC);
	if (b->vars_fd < 0)
		return err_sys(e, -errno, "making a copy of '%s'", b->firmware.vars);
	r = fd_write_all(b->vars_fd, text, size);
	return r < 0 ? err_sys(e, r, "making a copy of '%s'", b->firmware.vars) : 0;
}

static int boot_take_firmware(struct boot *b, struct err *e)
{
	const char *file = b->values->firmware;
	int r;

	if (file && b->values->want_uefi)
		return err_set(e, -EINVAL, "options --uefi and --firmware: only one of them");
	if (file) {
		r = settings_check_readable("option --firmware", file, e);
		b->machine.bios = BOOT_JAIL_BIOS;
		return r;
	}
	if (!b->values->want_uefi)
		return 0;
	r = firmware_find(&b->firmware, e);
	if (r == 0)
		r = boot_copy_vars(b, e);
	b->machine.uefi = &b->firmware;
	b->machine.vars_fd = BOOT_FD_VARS;
	return r;
}

static int boot_open_image(struct boot *b, const char *path, struct err *e)
{
	int r = image_open(path, b->values->is_writable, &b->image, e);

	if (r == 0)
		r = image_check_bootable(&b->image, path, e);
	if (r == 0 && !b->values->is_writable)
		r = image_cover(&b->image, e);
	b->machine.image = &b->image;
	b->machine.image_fd = BOOT_FD_IMAGE;
	return r;
}

/* Everything that can fail, before QEMU is started. */
static int boot_prepare(struct boot *b, const char *path, struct err *e)
{
	int r = settings_load(&b->settings, e);

	if (r == 0)
		r = boot_open_image(b, path, e);
	if (r == 0)
		r = boot_take_ports(b, e);
	if (r == 0)
		r = boot_take_shares(b, e);
	if (r == 0)
		r = boot_take_network(b, e);
	if (r == 0)
		r = boot_take_size(b, e);
	if (r == 0)
		r = boot_take_firmware(b, e);
	if (r == 0)
		r = boot_choose_accel(b, e);
	if (r < 0)
		return r;
	b->machine.extra = b->values->qemu_args.at;
	b->machine.extra_count = b->values->qemu_args.count;
	return ids_take(rundir_host(), &b->settings.ids, &b->id, e);
}

static int boot_plan_jail(struct boot *b, struct jail *jail, char *home, struct err *e)
{
	int r;

	jail_init(jail, rundir_host(), b->id.id, b->id.id);
	jail_add_programs(jail, b->qemu, home);
	if (b->values->firmware)
		jail_add_file(jail, b->values->firmware, BOOT_JAIL_BIOS);
	for (size_t i = 0; i < b->machine.share_count; i++)
		jail_add_share(jail, b->dirs[i], b->jail_dirs[i], b->machine.shares[i].is_readonly);
	if (b->machine.share_count)
		jail_add_proc(jail); /* its 9p server changes modes by way of it */
	/* Where QEMU tries out whether files can be locked; what it says otherwise is no error. */
	r = jail_add_device(jail, "/dev/null", "/dev/null");
	if (r < 0)
		return err_sys(e, r, "qemu: '/dev/null'");
	if (b->machine.accel == VM_ACCEL_KVM)
		r = jail_add_device(jail, "/dev/kvm", "/dev/kvm");
	if (b->machine.has_network && access("/etc/resolv.conf", R_OK) == 0)
		jail_add_file(jail, "/etc/resolv.conf", "/etc/resolv.conf");
	return r < 0 ? err_sys(e, r, "kvm: '/dev/kvm'") : 0;
}

static size_t boot_give_fds(const struct boot *b, int errors_fd, struct spawn_fd *fds)
{
	size_t count = 0;

	fds[count++] = (struct spawn_fd){errors_fd, STDERR_FILENO};
	fds[count++] = (struct spawn_fd){b->id.qemu_fd, BOOT_FD_ID};
	if (b->vars_fd >= 0)
		fds[count++] = (struct spawn_fd){b->vars_fd, BOOT_FD_VARS};
	if (b->console_fd >= 0)
		fds[count++] = (struct spawn_fd){b->console_fd, BOOT_FD_CONSOLE};
	for (size_t i = 0; i < b->machine.port_count; i++)
		fds[count++] = (struct spawn_fd){b->port_fds[i], BOOT_FD_PORT + (int)i};
	return count + image_give_fds(&b->image, BOOT_FD_IMAGE, fds + count);
}

/* The caller's ends must be QEMU's alone: else nobody sees its end of file. */
static void boot_drop_fds(struct boot *b)
{
	for (size_t i = 0; i < b->machine.port_count; i++)
		fd_close(&b->port_fds[i]);
	fd_close(&b->console_fd);
	image_done(&b->image);
	fd_close(&b->vars_fd);
}

static int boot_start(struct boot *b, int *ret_pidfd, struct err *e)
{
	struct spawn_fd fds[BOOT_FD_END];
	auto_strv struct strv argv = {0};
	char home[PATH_MAX];
	struct sandbox sandbox;
	struct jail jail;
	int errors[2];
	pid_t pid;
	int r;
	struct spawn s = {
		.name = "qemu",
		.path = b->qemu,
		.fds = fds,
		.want_new_mount_ns = true,
		.want_new_ipc_ns = true,
		.want_new_net_ns = !b->machine.has_network,
		.jail = &jail,
		.sandbox = &sandbox,
		.death_signal = SIGKILL,
	};

	if (pipe2(errors, O_CLOEXEC) < 0 || fd_set_nonblock(errors[0], 1) < 0)
		return err_sys(e, -errno, "making a pipe");
	b->errors.fd = errors[0];
	image_machine_argv(&b->machine, &argv);
	s.argv = argv.at;
	s.fd_count = boot_give_fds(b, errors[1], fds);
	sandbox_init_qemu(&sandbox, b->id.id);
	if (b->machine.share_count)
		sandbox_allow_sharing(&sandbox);
	if (b->machine.has_network)
		sandbox_allow_user_network(&sandbox, false);
	r = boot_plan_jail(b, &jail, home, e);
	if (r == 0)
		r = spawn_start(&s, &pid, ret_pidfd, e);
	fd_close(&errors[1]);
	boot_drop_fds(b);
	return r;
}

static int boot_explain(struct boot *b, int status, struct err *e)
{
	const char *line;

	machine_tail_read(&b->errors);
	line = machine_tail_line(&b->errors);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0; /* powered off, or reset */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && !*line)
		return err_set(e, -EIO, "guest: kernel panic");
	if (WIFEXITED(status))
		return err_set(e, -EIO, "qemu: exit status %d: %s", WEXITSTATUS(status), line);
	return err_set(e, -EIO, "qemu: killed by signal %d%s%s", WTERMSIG(status),
		       *line ? ": " : "", line);
}

/* Until QEMU ends, or a signal ends it. */
static int boot_wait(struct boot *b, int signal_fd, int *pidfd, struct err *e)
{
	struct pollfd p[] = {{.fd = *pidfd, .events = POLLIN},
			     {.fd = signal_fd, .events = POLLIN},
			     {.fd = b->errors.fd, .events = POLLIN}};
	int status;
	int r;

	for (;;) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_sys(e, -errno, "waiting for QEMU");
		if (p[1].revents & POLLIN) {
			spawn_kill(pidfd);
			return 0;
		}
		if (p[0].revents & POLLIN)
			break;
		if (p[2].revents && !machine_tail_read(&b->errors))
			p[2].fd = -1;
	}
	r = spawn_wait(*pidfd, -1, &status);
	return r < 0 ? err_sys(e, r, "waiting for QEMU") : boot_explain(b, status, e);
}

/* From here on the end of whoever called is ours. */
static int boot_tie_to_caller(int *ret_signal_fd, struct err *e)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
	pid_t parent = getppid();
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (*ret_signal_fd < 0 || prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM) < 0)
		return err_sys(e, -errno, "watching signals");
	return getppid() == parent ? 0 : err_set(e, -ECANCELED, "boot: the caller is gone");
}

int cmd_boot(struct cmd *c, struct err *e)
{
	struct boot b = {.values = &c->values,
			 .console_fd = -1,
			 .vars_fd = -1,
			 .id = IDS_LEASE_NONE,
			 .image = {.fd = -1, .overlay_fd = -1},
			 .errors = {.fd = -1, .copy_fd = -1}};
	auto_close int signal_fd = -1;
	auto_close int pidfd = -1;
	int r;

	/* The jail needs a /proc of its own, which a user's namespace cannot mount. */
	if (geteuid() != 0 || !userns_is_initial())
		return err_set(e, -EPERM, "boot: disk images need root of the host");
	r = boot_tie_to_caller(&signal_fd, e);
	if (r == 0)
		r = boot_prepare(&b, c->argv[0], e);
	if (r == 0)
		r = boot_start(&b, &pidfd, e);
	if (r == 0)
		r = boot_wait(&b, signal_fd, &pidfd, e);
	boot_done(&b);
	return r;
}
