/* Printing what would be started. Must not start anything.
 *
 *   unshare … virtiofsd &        the tree of files, in a mount namespace
 *   vmrt instruct SOCKET FILE &  the monitor's part of lib/proto.h: which command, its status
 *   qemu-system-… …              as vmrt starts it, sockets by their names; without its jail
 *   wait                         the command's status */
#include "runtime/cmd/dry_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "lib/network.h"
#include "lib/proto.h"
#include "runtime/proc/strv.h"
#include "runtime/vm/vm.h"

int dry_run_check(const struct oci_config *config, struct settings *settings, struct err *e)
{
	const struct oci_linux *l = &config->linux_;

	if (config->process->terminal)
		return err_set(e, -ENOTSUP, "option --dry-run: process.terminal has to be false");
	if (config->vm && config->vm->image_path)
		return err_set(e, -ENOTSUP,
			       "option --dry-run: vm.image: the disk is opened for QEMU by vmrt");
	for (int i = 0; i < OCI_HOOK_COUNT; i++) {
		if (config->hooks[i].count)
			return err_set(e, -ENOTSUP, "option --dry-run: hooks are not run by hand");
	}
	for (size_t i = 0; i < l->namespace_count; i++) {
		if (l->namespaces[i].path && l->namespaces[i].type == OCI_NS_NETWORK)
			return err_set(e, -ENOTSUP,
				       "option --dry-run: the network namespace '%s' is an "
				       "engine's",
				       l->namespaces[i].path);
	}
	free(settings->passt);
	settings->passt = xstrdup("none");
	return 0;
}

/* For a POSIX shell: in single quotes when there is anything in it that a shell could read. */
static char *dry_run_quote(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./_-";
	char *quoted;
	char *to;

	if (*text && strspn(text, plain) == strlen(text))
		return xstrdup(text);
	quoted = xcalloc(strlen(text) + 1, 4);
	to = quoted;
	*to++ = '\'';
	for (; *text; text++) {
		if (*text == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *text;
	}
	*to++ = '\'';
	return xreallocarray(quoted, strlen(quoted) + 1, 1);
}

/* Options with their values on lines of their own. */
static void dry_run_put_words(FILE *to, const struct strv *argv)
{
	for (size_t i = 0; i < argv->count; i++) {
		auto_free char *word = dry_run_quote(argv->at[i]);
		bool is_option = i && argv->at[i][0] == '-';

		fprintf(to, "%s%s", !i ? "" : is_option ? " \\\n\t" : " ", word);
	}
}

static void dry_run_put_bind(FILE *to, const struct dry_run *d, const struct share_bind *b,
			     size_t i)
{
	auto_free char *place = xasprintf("%s/" DRY_RUN_TREE "/mounts/%zu", d->dir, i);
	auto_free char *quoted = dry_run_quote(place);
	auto_free char *source = dry_run_quote(b->source);
	auto_free char *overlay = b->overlay_data ? dry_run_quote(b->overlay_data) : NULL;

	if (overlay) {
		fprintf(to, "mount -t overlay -o %s overlay %s\n", overlay, quoted);
		return;
	}
	fprintf(to, "mount --%s %s %s\n", b->is_recursive && !b->is_cow ? "rbind" : "bind", source,
		quoted);
	if (b->is_readonly || b->is_readonly_rec || b->is_cow)
		fprintf(to, "mount -o remount,bind,ro %s\n", quoted);
}

/* What runs in the mount namespace, as one word for sh -c. */
static int dry_run_share_script(const struct dry_run *d, char **ret, struct err *e)
{
	auto_free char *tree = xasprintf("%s/" DRY_RUN_TREE, d->dir);
	auto_free char *socket = xasprintf("%s/" DRY_RUN_SHARE, d->dir);
	auto_free char *root_place = xasprintf("%s/rootfs", tree);
	auto_free char *root_quoted = dry_run_quote(root_place);
	auto_free char *root = dry_run_quote(d->plan->rootfs);
	const struct virtiofsd_plan plan = {
		.binary = &d->facts->virtiofsd,
		.share_dir = tree,
		.socket_path = socket,
		.nofile = virtiofsd_nofile(),
	};
	auto_strv struct strv argv = {0};
	auto_strv struct strv env = {0};
	size_t size = 0;
	int r = virtiofsd_argv(&plan, &argv, e);
	FILE *to;

	if (r < 0)
		return r;
	to = open_memstream(ret, &size);
	if (!to)
		abort();
	fprintf(to, "mount --%s %s %s\n", d->plan->guest.is_root_cow ? "bind" : "rbind", root,
		root_quoted);
	if (d->plan->guest.is_root_cow)
		fprintf(to, "mount -o remount,bind,ro %s\n", root_quoted);
	for (size_t i = 0; i < d->plan->bind_count; i++)
		dry_run_put_bind(to, d, &d->plan->binds[i], i);
	fprintf(to, "exec env ");
	virtiofsd_env(&plan, &env);
	for (size_t i = 0; i < env.count; i++)
		fprintf(to, "%s ", env.at[i]);
	dry_run_put_words(to, &argv);
	fclose(to);
	return 0;
}

static int dry_run_make_tree(const struct dry_run *d, int dirfd, struct err *e)
{
	static const char *const dirs[] = {DRY_RUN_TREE, DRY_RUN_TREE "/rootfs",
					   DRY_RUN_TREE "/mounts"};
	char name[64];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		if (mkdirat(dirfd, dirs[i], 0755) < 0)
			return err_sys(e, -errno, "making '%s/%s'", d->dir, dirs[i]);
	}
	for (size_t i = 0; i < d->plan->bind_count; i++) {
		auto_close int fd = -1;

		snprintf(name, sizeof(name), DRY_RUN_TREE "/mounts/%zu", i);
		if (d->plan->binds[i].ret_is_file)
			fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (d->plan->binds[i].ret_is_file ? fd < 0 : mkdirat(dirfd, name, 0755) < 0)
			return err_sys(e, -errno, "making '%s/%s'", d->dir, name);
	}
	return 0;
}

/* The machine's clock and random seed are put in when it is told. */
static int dry_run_write_request(const struct dry_run *d, int dirfd, struct err *e)
{
	struct network none = {0};
	struct network described = {0};
	auto_close int fd = -1;
	struct wire_out out = {0};
	size_t begin = proto_frame_begin(&out, PROTO_HOST_CONTAINER, 0);
	int r;

	guest_container_encode(&out, &d->plan->guest);
	proto_frame_end(&out, begin);
	begin = proto_frame_begin(&out, PROTO_HOST_NETWORK, 0);
	if (d->plan->has_user_network)
		user_network_describe(&d->plan->user_network, &described);
	network_encode(&out, d->plan->has_user_network ? &described : &none);
	network_done(&described);
	proto_frame_end(&out, begin);
	fd = openat(dirfd, DRY_RUN_REQUEST, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, out.data, out.size);
	wire_out_done(&out);
	return r < 0 ? err_sys(e, r, "writing '%s/" DRY_RUN_REQUEST "'", d->dir) : 0;
}

static void dry_run_plan_vm(const struct dry_run *d, struct vm_plan *vm)
{
	const struct plan *plan = d->plan;
	bool has_own_init = plan->has_own_init;

	*vm = (struct vm_plan){
		.name = d->id,
		.arch = vm_arch_host(),
		.qemu = d->qemu,
		.kernel = plan->vm_kernel ? plan->vm_kernel : d->settings->kernel,
		.initramfs = d->initramfs,
		.machine = plan->vm_machine,
		.accel = d->accel,
		.tsc_khz = d->facts->tsc_khz,
		.is_own_kernel = d->settings->is_own_kernel && !plan->vm_kernel,
		.append = plan->vm_append,
		.extra = plan->vm_qemu_args ? plan->vm_qemu_args->at : NULL,
		.extra_count = plan->vm_qemu_args ? plan->vm_qemu_args->count : 0,
		.memory_mib = plan->memory_mib,
		.vcpus = plan->vcpus,
		.share_socket_fd = -1,
		.share_tag = PROTO_SHARE_TAG,
		.console_fd = -1,
		.console_path = d->console_log ? d->console_log
				: has_own_init ? "/dev/stdout"
					       : "/dev/stderr",
		.qmp_fd = -1,
		.gdb_fd = -1,
		.gdb_path = d->gdb,
	};
	if (plan->has_user_network)
		vm->nics[vm->nic_count++] = (struct vm_nic){
			.queue_count = 1,
			.tap_fd = -1,
			.socket_fd = -1,
			.is_ipv4_only = !plan->user_network.has_ipv6,
			.forwards = plan->qemu_forwards,
			.vhost_fd = -1,
			.mac = NETWORK_SLOT_MAC,
		};
}

static void dry_run_plan_disks(const struct plan *plan, struct vm_plan *vm,
			       char serials[GUEST_DISK_MAX][16])
{
	for (size_t i = 0; i < plan->disk_count; i++) {
		if (plan->disks[i].is_guests)
			continue;
		snprintf(serials[i], 16, GUEST_DISK_SERIAL "%zu", i + 1);
		vm->disks[vm->disk_count++] = (struct vm_disk){
			.fd = -1,
			.is_writable = plan->disks[i].is_writable,
			.is_file = plan->disks[i].file,
			.path = disk_source(&plan->disks[i]),
			.serial = serials[i],
		};
	}
}

static int dry_run_qemu(const struct dry_run *d, const char *control, const char *share,
			struct strv *ret, struct err *e)
{
	char serials[GUEST_DISK_MAX][16];
	struct vm_plan vm;

	dry_run_plan_vm(d, &vm);
	dry_run_plan_disks(d->plan, &vm, serials);
	if (!d->plan->has_own_init) {
		vm.share_path = share;
		vm.ports[vm.port_count++] = (struct vm_port){
			.name = PROTO_PORT_CONTROL, .socket_fd = -1, .socket_path = control};
		vm.ports[vm.port_count++] = (struct vm_port){
			.name = PROTO_PORT_STDOUT, .socket_fd = -1, .file_path = "/dev/stdout"};
		vm.ports[vm.port_count++] = (struct vm_port){
			.name = PROTO_PORT_STDERR, .socket_fd = -1, .file_path = "/dev/stderr"};
	}
	return vm_qemu_argv(&vm, ret, e);
}

static void dry_run_put(const struct dry_run *d, const char *script, const struct strv *qemu,
			const char *control, const char *share)
{
	auto_free char *request = xasprintf("%s/" DRY_RUN_REQUEST, d->dir);
	auto_free char *request_word = dry_run_quote(request);
	auto_free char *control_word = dry_run_quote(control);
	auto_free char *share_word = dry_run_quote(share);
	auto_free char *log = xasprintf("%s/" DRY_RUN_LOG, d->dir);
	auto_free char *log_word = dry_run_quote(log);
	auto_free char *script_word = script ? dry_run_quote(script) : NULL;
	auto_free char *self = realpath("/proc/self/exe", NULL);
	auto_free char *self_word = dry_run_quote(self ? self : "vmrt");

	if (script) {
		printf("# the files that the machine sees\n"
		       "unshare --mount --propagation private sh -ec %s 2>%s & share=$!\n\n"
		       "# what the guest is told to run; ends with its status\n"
		       "%s instruct %s %s & instruct=$!\n\n"
		       "# the machine (vmrt would take its privileges away)\n"
		       "until [ -S %s ] && [ -S %s ] || ! kill -0 \"$share\" || "
		       "! kill -0 \"$instruct\"; do sleep 0.1; done 2>/dev/null\n",
		       script_word, log_word, self_word, control_word, request_word, share_word,
		       control_word);
	}
	dry_run_put_words(stdout, qemu);
	/* A QEMU that could not begin connects to nobody. */
	printf("%s\n%s", script ? " || kill \"$instruct\" \"$share\" 2>/dev/null" : "",
	       script ? "wait \"$instruct\"\n" : "");
}

int dry_run_print(struct dry_run *d, struct err *e)
{
	auto_free char *control = xasprintf("%s/" DRY_RUN_CONTROL, d->dir);
	auto_free char *share = xasprintf("%s/" DRY_RUN_SHARE, d->dir);
	auto_close int dirfd = open(d->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_free char *script = NULL;
	auto_strv struct strv qemu = {0};
	int r = dirfd < 0 ? err_sys(e, -errno, "option --dry-run: '%s'", d->dir) : 0;

	for (size_t i = 0; r == 0 && i < d->plan->bind_count; i++) {
		if (d->plan->binds[i].ret_is_socket)
			r = err_set(
				e, -ENOTSUP,
				"option --dry-run: the socket '%s' is relayed by vmrt's monitor",
				d->plan->binds[i].source);
	}
	d->plan->guest.process.stdio[PROTO_STDIN] = GUEST_STDIO_NULL;
	if (r == 0)
		r = dry_run_qemu(d, control, share, &qemu, e);
	if (r == 0 && !d->plan->has_own_init) {
		r = dry_run_make_tree(d, dirfd, e);
		if (r == 0)
			r = dry_run_write_request(d, dirfd, e);
		if (r == 0)
			r = dry_run_share_script(d, &script, e);
	}
	if (r == 0)
		dry_run_put(d, script, &qemu, control, share);
	return r;
}
