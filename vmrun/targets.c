/* From a file of targets to the options vmrun would be called with. Must not run them.
 *
 * vmtest.toml is vmtest's, member by member; what vmrun does not have is refused by name. In
 * vmrun.json the members are vmrun's long options. */
#include "vmrun/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json.h"
#include "vmrun/toml.h"

#define TARGETS_FILE_BYTES (4u << 20)
#define TARGETS_MAX	   1024
/* Where vmtest has the file's folder. */
#define TARGETS_VMTEST_DIR "/mnt/vmtest"

/* What vmtest takes when the file says nothing. */
#define TARGETS_VMTEST_CPUS   "2"
#define TARGETS_VMTEST_MEMORY "4G"

static void targets_push(struct target *t, const char *option, const char *value)
{
	strv_push(&t->args, option);
	if (value)
		strv_push(&t->args, value);
}

/* An error for each member that is not in the NULL-terminated list. */
static void targets_check_members(struct json_doc *doc, const struct json_node *object,
				  const char *const *known)
{
	for (const struct json_node *n = object ? object->first : NULL; n; n = n->next) {
		const char *const *name = known;

		while (*name && strcmp(*name, n->key))
			name++;
		if (!*name)
			json_fail(doc, n, "no member that vmrun knows");
	}
}

/* A member that is not built: refused, never ignored. */
static void targets_refuse(struct json_doc *doc, const struct json_node *object, const char *key,
			   const char *why)
{
	const struct json_node *n = json_member(doc, object, key);

	if (n && !(n->type == JSON_BOOLEAN && !n->is_true))
		json_fail(doc, n, "not supported: %s", why);
}

static void targets_read_mounts(struct json_doc *doc, const struct json_node *vm, struct target *t)
{
	static const char *const known[] = {"host_path", "writable", NULL};
	const struct json_node *mounts = json_object(doc, vm, "mounts");

	for (const struct json_node *n = mounts ? mounts->first : NULL; n; n = n->next) {
		const char *host = NULL;
		bool is_writable = false;
		auto_free char *volume = NULL;

		if (!json_expect(doc, n, JSON_OBJECT))
			return;
		targets_check_members(doc, n, known);
		json_require(doc, n, "host_path");
		json_string(doc, n, "host_path", &host);
		json_bool(doc, n, "writable", &is_writable);
		volume = xasprintf("%s:%s:%s", host ? host : "", n->key, is_writable ? "rw" : "ro");
		targets_push(t, "--volume", volume);
	}
}

static void targets_read_vm(struct json_doc *doc, const struct json_node *vm, struct target *t)
{
	static const char *const known[] = {"num_cpus", "memory",     "mounts",
					    "bios",	"extra_args", NULL};
	auto_free char *cpus = NULL;
	const char *memory = TARGETS_VMTEST_MEMORY;
	const char **extra = NULL;
	size_t extra_count = 0;
	uint32_t number = 0;

	targets_check_members(doc, vm, known);
	if (json_u32(doc, vm, "num_cpus", &number))
		cpus = xasprintf("%u", number);
	json_string(doc, vm, "memory", &memory);
	json_strings(doc, vm, "extra_args", &extra_count, &extra);
	targets_push(t, "--cpus", cpus ? cpus : TARGETS_VMTEST_CPUS);
	targets_push(t, "--memory", memory);
	for (size_t i = 0; i < extra_count; i++) {
		auto_free char *word = xasprintf("--qemu-arg=%s", extra[i]);

		targets_push(t, word, NULL);
	}
	targets_read_mounts(doc, vm, t);
}

static void targets_check_arch(struct json_doc *doc, const struct json_node *object)
{
	const char *arch = NULL;
	struct utsname host;

	uname(&host);
	if (json_string(doc, object, "arch", &arch) && arch && strcmp(arch, host.machine))
		json_fail(doc, json_member(doc, object, "arch"), "not supported: this host is %s",
			  host.machine);
}

/* A kernel with the host's userland, or another root's. */
static void targets_read_kernel(struct json_doc *doc, const struct json_node *object,
				const char *kernel, struct target *t)
{
	const char *append = NULL, *root = NULL;

	targets_refuse(doc, object, "uefi", "a kernel boots without firmware");
	targets_refuse(doc, json_object(doc, object, "vm"), "bios",
		       "a kernel boots without firmware");
	json_string(doc, object, "kernel_args", &append);
	json_string(doc, object, "rootfs", &root);
	targets_push(t, "--kernel", kernel);
	if (append)
		targets_push(t, "--append", append);
	/* In another root vmtest starts at its top, and without the caller's environment. */
	if (root && strcmp(root, "/")) {
		targets_push(t, "--root", root);
		targets_push(t, "--workdir", "/");
	} else {
		targets_push(t, "--env-host", NULL);
	}
}

/* A disk image, which has kernel and root in it. */
static void targets_read_image(struct json_doc *doc, const struct json_node *object,
			       const char *image, struct target *t)
{
	static const char *const kernels[] = {"kernel", "kernel_args", "rootfs"};
	const char *firmware = NULL;
	bool is_uefi = false;

	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		targets_refuse(doc, object, kernels[i], "an image has its own");
	json_bool(doc, object, "uefi", &is_uefi);
	json_string(doc, json_object(doc, object, "vm"), "bios", &firmware);
	targets_push(t, "--image", image);
	if (firmware)
		targets_push(t, "--firmware", firmware);
	else if (is_uefi)
		targets_push(t, "--uefi", NULL);
	targets_push(t, "--workdir", "/");
}

static void targets_read_vmtest(struct json_doc *doc, const struct json_node *object,
				struct target *t)
{
	static const char *const known[] = {"name",	   "image",	   "uefi",   "kernel",
					    "kernel_args", "arch",	   "rootfs", "command",
					    "vm",	   "qemu_command", NULL};
	const char *qemu = NULL;
	const char *kernel = NULL, *image = NULL, *command = NULL;

	targets_check_members(doc, object, known);
	targets_check_arch(doc, object);
	json_string(doc, object, "image", &image);
	if (!image)
		json_require(doc, object, "kernel");
	json_require(doc, object, "command");
	json_string(doc, object, "kernel", &kernel);
	json_string(doc, object, "command", &command);
	if (!(kernel || image) || !command)
		return;
	if (image)
		targets_read_image(doc, object, image, t);
	else
		targets_read_kernel(doc, object, kernel, t);
	if (json_string(doc, object, "qemu_command", &qemu))
		targets_push(t, "--qemu", qemu);
	targets_push(t, "--volume", ".:" TARGETS_VMTEST_DIR);
	targets_read_vm(doc, json_object(doc, object, "vm"), t);
	targets_push(t, "--", "bash");
	targets_push(t, "-c", command);
}

static void targets_read_list(struct json_doc *doc, const struct json_node *n, const char *option,
			      struct target *t)
{
	for (const struct json_node *item = n->first; item; item = item->next) {
		auto_free char *word = xasprintf("%s=%s", option, json_text(doc, item));

		targets_push(t, word, NULL);
	}
}

/* One member of a target in vmrun.json: the long option of that name. */
static void targets_read_member(struct json_doc *doc, const struct json_node *n, struct target *t)
{
	static const char *const others[] = {"file", "filter",	"jobs",	  "junit",
					     "help", "version", "verbose"};
	auto_free char *option = xasprintf("--%s", n->key);
	auto_free char *word = NULL;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (!strcmp(n->key, others[i])) {
			json_fail(doc, n, "no option of a single target");
			return;
		}
	}
	switch (n->type) {
	case JSON_ARRAY:
		targets_read_list(doc, n, option, t);
		return;
	case JSON_BOOLEAN:
		word = xasprintf("%s=%s", option, n->is_true ? "true" : "false");
		break;
	case JSON_NUMBER:
	case JSON_STRING:
		word = xasprintf("%s=%s", option, n->text);
		break;
	default:
		json_fail(doc, n, "expected a value of the option %s", option);
		return;
	}
	targets_push(t, word, NULL);
}

/* An array is a vector of arguments, a string is the shell's. */
static void targets_read_command(struct json_doc *doc, const struct json_node *object,
				 struct target *t)
{
	const struct json_node *command = json_member(doc, object, "command");

	targets_push(t, "--", NULL);
	if (command && command->type == JSON_ARRAY) {
		for (const struct json_node *n = command->first; n; n = n->next)
			targets_push(t, json_text(doc, n), NULL);
	} else if (command) {
		targets_push(t, "sh", "-c");
		targets_push(t, json_text(doc, command), NULL);
	}
}

static void targets_read_own(struct json_doc *doc, const struct json_node *object, struct target *t)
{
	json_require(doc, object, "command");
	for (const struct json_node *n = object->first; n; n = n->next) {
		if (strcmp(n->key, "name") && strcmp(n->key, "command"))
			targets_read_member(doc, n, t);
	}
	targets_read_command(doc, object, t);
}

static void targets_read(struct json_doc *doc, bool is_vmtest, struct targets *ret)
{
	const char *key = is_vmtest ? "target" : "targets";
	const char *const known[] = {key, NULL};
	const struct json_node *root = json_doc_root(doc);
	const struct json_node *list;

	if (!json_expect(doc, root, JSON_OBJECT))
		return;
	targets_check_members(doc, root, known);
	json_require(doc, root, key);
	list = json_array(doc, root, key);
	if (list && list->count > TARGETS_MAX)
		json_fail(doc, list, "more than %d targets", TARGETS_MAX);
	for (const struct json_node *n = list ? list->first : NULL; n && !json_doc_status(doc);
	     n = n->next) {
		const char *name = NULL;
		struct target *t;

		if (!json_expect(doc, n, JSON_OBJECT))
			return;
		json_require(doc, n, "name");
		json_string(doc, n, "name", &name);
		ret->at = xreallocarray(ret->at, ret->count + 1, sizeof(*ret->at));
		t = &ret->at[ret->count++];
		*t = (struct target){.name = xstrdup(name ? name : "")};
		if (is_vmtest)
			targets_read_vmtest(doc, n, t);
		else
			targets_read_own(doc, n, t);
	}
}

static bool targets_is_toml(const char *path)
{
	size_t size = strlen(path);

	return size > 5 && !strcmp(path + size - 5, ".toml");
}

static int targets_parse(const char *path, const char *text, size_t size, struct targets *ret,
			 struct err *e)
{
	auto_free char *translated = NULL;
	struct json_doc *doc = NULL;
	char why[256] = "";
	int r;

	if (targets_is_toml(path)) {
		translated = toml_to_json(text, size, why, sizeof(why));
		if (!translated)
			return err_set(e, -EINVAL, "%s: %s", path, why);
		text = translated;
		size = strlen(translated);
	}
	r = json_doc_parse(text, size, path, &doc, e);
	if (r < 0)
		return r;
	targets_read(doc, translated, ret);
	r = json_doc_status(doc);
	json_doc_free(doc);
	return r;
}

int targets_load(const char *path, struct targets *ret, struct err *e)
{
	struct targets t = {0};
	auto_free char *text = NULL;
	char *slash;
	size_t size;
	int r = fd_read_file(AT_FDCWD, path, TARGETS_FILE_BYTES, &text, &size);

	if (r < 0)
		return err_set(e, r, "option --file: '%s': %s", path, strerror(-r));
	t.folder = realpath(path, NULL);
	if (!t.folder)
		return err_sys(e, -errno, "option --file: '%s'", path);
	slash = strrchr(t.folder, '/');
	slash[slash == t.folder] = '\0';
	r = targets_parse(path, text, size, &t, e);
	if (r == 0 && !t.count)
		r = err_set(e, -EINVAL, "%s: there is no target", path);
	if (r < 0) {
		targets_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void targets_done(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->at[i].name);
		strv_done(&t->at[i].args);
	}
	free(t->at);
	free(t->folder);
	*t = (struct targets){0};
}
