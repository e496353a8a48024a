/* From a request to config.json. Must not start anything.
 *
 * The command gets a machine, not a container: all of /dev, every process in view, and no pid
 * namespace, whose first process would be deaf to ^C. */
#include "vmrun/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json_write.h"
#include "vmrun/environ.h"
#include "vmrun/mounts.h"
#include "vmrun/user.h"

#define BUNDLE_UMASK_MASK 07777
#define BUNDLE_CAP_COUNT  41

/* As capabilities(7) numbers them; OCI wants names. */
static const char *const bundle_caps[BUNDLE_CAP_COUNT] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

static void bundle_put_list(struct json_out *out, const char *key, const char *const *texts)
{
	json_out_array(out, key);
	for (; *texts; texts++)
		json_out_string(out, NULL, *texts);
	json_out_end(out);
}

static void bundle_put_options(struct json_out *out, const char *key, const struct option_list *l)
{
	json_out_array(out, key);
	for (size_t i = 0; i < l->count; i++)
		json_out_string(out, NULL, l->at[i]);
	json_out_end(out);
}

/* The bounding set is full for everybody: sudo works in the machine. */
static void bundle_put_capabilities(struct json_out *out, bool is_root)
{
	static const char *const sets[] = {"bounding", "permitted", "effective"};

	json_out_object(out, "capabilities");
	for (size_t i = 0; i < (is_root ? 3 : 1); i++) {
		json_out_array(out, sets[i]);
		for (size_t n = 0; n < BUNDLE_CAP_COUNT; n++)
			json_out_string(out, NULL, bundle_caps[n]);
		json_out_end(out);
	}
	json_out_end(out);
}

static void bundle_put_user(struct json_out *out, const struct user *user)
{
	mode_t mask = umask(0);

	umask(mask);
	json_out_object(out, "user");
	json_out_u64(out, "uid", user->uid);
	json_out_u64(out, "gid", user->gid);
	json_out_u64(out, "umask", mask & BUNDLE_UMASK_MASK);
	json_out_array(out, "additionalGids");
	for (size_t i = 0; i < user->group_count; i++)
		json_out_u64(out, NULL, user->groups[i]);
	json_out_end(out);
	json_out_end(out);
}

static void bundle_put_process(struct json_out *out, const struct request *request,
			       const struct user *user, const char *cwd)
{
	const char *const shell[] = {user->shell && *user->shell ? user->shell : "/bin/sh", NULL};
	auto_strv struct strv env = {0};

	environ_make(request, user, &env);
	json_out_object(out, "process");
	json_out_bool(out, "terminal", request->want_tty);
	bundle_put_user(out, user);
	bundle_put_list(out, "args",
			request->arg_count ? (const char *const *)request->args : shell);
	bundle_put_list(out, "env", (const char *const *)env.at);
	json_out_string(out, "cwd", request->workdir ? request->workdir : cwd);
	bundle_put_capabilities(out, user->uid == 0);
	json_out_end(out);
}

/* A path, or a name of PATH's; owned, absolute. NULL: there is no such program. */
static char *bundle_find_qemu(const char *wanted)
{
	const char *path = getenv("PATH");
	auto_free char *places = xstrdup(path ? path : "/usr/bin:/bin");
	char *save = NULL;

	if (!wanted || strchr(wanted, '/'))
		return wanted && access(wanted, X_OK) == 0 ? realpath(wanted, NULL) : NULL;
	for (char *dir = strtok_r(places, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		auto_free char *one = xasprintf("%s/%s", dir, wanted);

		if (access(one, X_OK) == 0)
			return realpath(one, NULL);
	}
	return NULL;
}

static void bundle_put_machine(struct json_out *out, const struct request *request,
			       const struct kernel *kernel, unsigned long memory_mib)
{
	auto_free char *qemu = bundle_find_qemu(request->qemu);

	json_out_object(out, "vm");
	json_out_object(out, "hypervisor");
	json_out_string(out, "path", qemu ? qemu : "");
	bundle_put_options(out, "parameters", &request->qemu_args);
	json_out_end(out);
	json_out_object(out, "kernel");
	json_out_string(out, "path", kernel->image ? kernel->image : "");
	if (kernel->initrd)
		json_out_string(out, "initrd", kernel->initrd);
	json_out_array(out, "parameters");
	if (request->console)
		json_out_string(out, NULL, "loglevel=7");
	if (request->gdb) /* or symbols are not where the debugger looks for them */
		json_out_string(out, NULL, "nokaslr");
	for (size_t i = 0; i < request->append.count; i++)
		json_out_string(out, NULL, request->append.at[i]);
	json_out_end(out);
	json_out_end(out);
	if (request->image) {
		json_out_object(out, "image");
		json_out_string(out, "path", request->image);
		json_out_string(out, "format", request->is_image_qcow2 ? "qcow2" : "raw");
		json_out_end(out);
	}
	json_out_object(out, "hwConfig");
	if (request->cpus)
		json_out_u64(out, "vcpus", request->cpus);
	if (memory_mib)
		json_out_u64(out, "memory", (uint64_t)memory_mib << 20);
	json_out_end(out);
	json_out_end(out);
}

static void bundle_put_linux(struct json_out *out, bool has_network, const struct disks *disks)
{
	static const char *const types[] = {"mount", "uts", "network"};

	json_out_object(out, "linux");
	json_out_array(out, "namespaces");
	/* The user-mode network is in the caller's namespace. */
	for (size_t i = 0; i < (has_network ? 2 : 3); i++) {
		json_out_object(out, NULL);
		json_out_string(out, "type", types[i]);
		json_out_end(out);
	}
	json_out_end(out);
	json_out_object(out, "resources");
	json_out_array(out, "devices");
	json_out_object(out, NULL);
	json_out_bool(out, "allow", true);
	json_out_string(out, "access", "rwm");
	json_out_end(out);
	disks_put_rules(out, disks);
	json_out_end(out);
	json_out_end(out);
	disks_put_devices(out, disks);
	json_out_end(out);
}

static bool bundle_has_network(const struct request *request)
{
	return request->net && !strcmp(request->net, "user");
}

static void bundle_put_annotations(struct json_out *out, const struct request *request,
				   const struct kernel *kernel, const struct disks *disks)
{
	json_out_object(out, "annotations");
	disks_put_files(out, disks);
	if (!request->is_root_writable)
		json_out_string(out, "io.vmrt.root", "cow");
	if (kernel->machine)
		json_out_string(out, "io.vmrt.machine", kernel->machine);
	if (request->is_standalone)
		json_out_string(out, "io.vmrt.init", "own");
	if (request->partition) {
		auto_free char *number = xasprintf("%u", request->partition);

		json_out_string(out, "io.vmrt.partition", number);
	}
	if (bundle_has_network(request))
		json_out_string(out, "io.vmrt.network", "user");
	if (request->publish.count) {
		auto_free char *ports = strv_join(request->publish.at, request->publish.count, ",");

		json_out_string(out, "io.vmrt.publish", ports);
	}
	json_out_end(out);
}

int bundle_parse_memory(const char *text, unsigned long *ret_mib, struct err *e)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || errno || !value || value > 1u << 24)
		return err_set(e, -EINVAL, "option --memory: expected a size like 512M, got '%s'",
			       text);
	if (!strcmp(end, "G") || !strcmp(end, "g"))
		value <<= 10;
	else if (*end && strcmp(end, "M") && strcmp(end, "m"))
		return err_set(e, -EINVAL,
			       "option --memory: expected M or G behind '%lu', got '%s'", value,
			       end);
	*ret_mib = value;
	return 0;
}

int bundle_check_texts(const struct request *request, struct err *e)
{
	auto_free char *qemu = bundle_find_qemu(request->qemu);

	for (size_t i = 0; i < request->env.count; i++) {
		if (!*request->env.at[i] || *request->env.at[i] == '=')
			return err_set(e, -EINVAL,
				       "option --env: expected NAME or NAME=VALUE, got '%s'",
				       request->env.at[i]);
	}
	if (request->qemu && !qemu)
		return err_set(e, -ENOENT, "option --qemu: there is no program '%s'",
			       request->qemu);
	/* JSON is UTF-8; what is not would arrive as something else. */
	for (int i = 0; i < request->arg_count; i++) {
		if (!json_out_is_text(request->args[i]))
			return err_set(e, -EILSEQ, "argument %d of the command is no UTF-8 text",
				       i);
	}
	return 0;
}

static int bundle_store(const char *dir, struct json_out *out, struct err *e)
{
	auto_free char *path = xasprintf("%s/config.json", dir);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t size;
	const char *text = json_out_text(out, &size);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, size);

	return r < 0 ? err_sys(e, r, "writing '%s'", path) : 0;
}

static void bundle_put(struct json_out *out, const struct request *request,
		       const struct kernel *kernel, const struct disks *disks,
		       const struct user *user, const struct mounts *mounts,
		       unsigned long memory_mib)
{
	struct utsname host;

	uname(&host);
	json_out_object(out, NULL);
	json_out_string(out, "ociVersion", "1.0.2");
	json_out_string(out, "hostname", host.nodename);
	bundle_put_process(out, request, user, mounts->cwd);
	json_out_object(out, "root");
	json_out_string(out, "path", mounts->root);
	json_out_end(out);
	mounts_put(out, mounts);
	bundle_put_annotations(out, request, kernel, disks);
	bundle_put_machine(out, request, kernel, memory_mib);
	bundle_put_linux(out, bundle_has_network(request), disks);
	json_out_end(out);
}

int bundle_write(const struct request *request, const struct kernel *kernel,
		 const struct disks *disks, const char *dir, struct bundle_ids *ret_ids,
		 struct err *e)
{
	struct mounts mounts = {0};
	struct user user = {0};
	unsigned long memory_mib = 0;
	int r = bundle_check_texts(request, e);

	if (r == 0 && request->memory)
		r = bundle_parse_memory(request->memory, &memory_mib, e);
	if (r == 0)
		r = mounts_plan(request, kernel, dir, &mounts, e);
	if (r == 0)
		r = user_find(request->user, mounts.root, &user, e);
	if (r == 0) {
		struct json_out *out = json_out_new("\t");

		bundle_put(out, request, kernel, disks, &user, &mounts, memory_mib);
		r = json_out_is_exact(out)
			    ? bundle_store(dir, out, e)
			    : err_set(e, -EILSEQ,
				      "a path or an environment variable is no UTF-8 text");
		json_out_free(out);
	}
	*ret_ids = (struct bundle_ids){user.uid, user.gid};
	user_done(&user);
	mounts_done(&mounts);
	return r;
}
