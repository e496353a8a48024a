/* Reading the administrator's settings and finding vmrt's own files. Must not start anything. */
#include "runtime/plan/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json.h"

#define SETTINGS_MAX_BYTES	    (64u << 10)
#define SETTINGS_MEMORY_MIB	    1024
#define SETTINGS_BOOT_TIMEOUT_S	    120
#define SETTINGS_VCPUS_DEFAULT_MAX  8
#define SETTINGS_VCPUS_LIMIT	    64
#define SETTINGS_MEMORY_MIB_LIMIT   (1u << 24)
#define SETTINGS_BOOT_TIMEOUT_S_MAX 3600

static const char *const settings_vm_policies[SETTINGS_VM_COUNT] = {
	[SETTINGS_VM_NONE] = "none",
	[SETTINGS_VM_SIZE] = "size",
	[SETTINGS_VM_ALL] = "all",
};

static const char *const settings_annotations[SETTINGS_ANNOTATION_COUNT] = {
	[SETTINGS_ANNOTATION_VCPUS] = "io.vmrt.vcpus",
	[SETTINGS_ANNOTATION_MEMORY] = "io.vmrt.memory",
	[SETTINGS_ANNOTATION_KERNEL] = "io.vmrt.kernel",
	[SETTINGS_ANNOTATION_NETWORK] = "io.vmrt.network",
	[SETTINGS_ANNOTATION_ROOT] = "io.vmrt.root",
	[SETTINGS_ANNOTATION_MACHINE] = "io.vmrt.machine",
	[SETTINGS_ANNOTATION_PARTITION] = "io.vmrt.partition",
	[SETTINGS_ANNOTATION_PUBLISH] = "io.vmrt.publish",
	[SETTINGS_ANNOTATION_DISKS] = "io.vmrt.disks",
	[SETTINGS_ANNOTATION_INIT] = "io.vmrt.init",
};

static int settings_index(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

int settings_annotation(const char *key)
{
	return settings_index(settings_annotations, SETTINGS_ANNOTATION_COUNT, key);
}

const char *settings_annotation_name(enum settings_annotation which)
{
	return settings_annotations[which];
}

static char *settings_take(struct json_doc *doc, const char *key, char *otherwise)
{
	const char *text = NULL;

	if (!json_string(doc, json_doc_root(doc), key, &text) || !text)
		return otherwise;
	if (*text != '/')
		json_fail(doc, json_member(doc, json_doc_root(doc), key),
			  "expected an absolute path");
	free(otherwise);
	return xstrdup(text);
}

static void settings_read_policy(struct settings *s, struct json_doc *doc)
{
	const struct json_node *root = json_doc_root(doc);
	const struct json_node *list = json_array(doc, root, "annotations");
	const char *text = NULL;

	if (json_string(doc, root, "vm", &text) && text) {
		int policy = settings_index(settings_vm_policies, SETTINGS_VM_COUNT, text);

		if (policy < 0)
			json_fail(doc, json_member(doc, root, "vm"),
				  "expected \"none\", \"size\" or \"all\"");
		else
			s->vm_policy = (enum settings_vm_policy)policy;
	}
	if (list)
		s->annotations = 0;
	for (const struct json_node *node = list ? list->first : NULL; node; node = node->next) {
		const char *name = json_text(doc, node);
		int which = name ? settings_annotation(name) : -1;

		if (which < 0)
			json_fail(doc, node, "no annotation that vmrt knows");
		else
			s->annotations |= 1u << which;
	}
	s->kernels = settings_take(doc, "kernels", s->kernels);
	json_u32_range(doc, root, "max-vcpus", SETTINGS_VCPUS_LIMIT, &s->max_vcpus);
	json_u32_range(doc, root, "max-memory", SETTINGS_MEMORY_MIB_LIMIT, &s->max_memory_mib);
}

static void settings_read_passt(struct settings *s, struct json_doc *doc)
{
	const char *text = NULL;

	if (json_string(doc, json_doc_root(doc), "passt", &text) && !strcmp(text, "none"))
		s->passt = xstrdup(text);
	else
		s->passt = settings_take(doc, "passt", s->passt);
}

static void settings_read_template(struct settings *s, struct json_doc *doc)
{
	const struct json_node *root = json_doc_root(doc);
	const char *text = NULL;

	if (!json_string(doc, root, "template", &text) || !text)
		return;
	s->want_templates = !strcmp(text, "auto");
	if (!s->want_templates && strcmp(text, "off") != 0)
		json_fail(doc, json_member(doc, root, "template"), "expected \"auto\" or \"off\"");
}

static void settings_read_ids(struct ids_range *ids, struct json_doc *doc)
{
	const struct json_node *root = json_doc_root(doc);

	/* -1 is no uid, and root is not meant. */
	json_u32_range(doc, root, "uid-first", UINT32_MAX - IDS_COUNT_MAX - 1, &ids->first);
	if (!ids->first)
		json_fail(doc, json_member(doc, root, "uid-first"), "expected at least 1");
	json_u32_range(doc, root, "uid-count", IDS_COUNT_MAX, &ids->count);
	if (!ids->count)
		json_fail(doc, json_member(doc, root, "uid-count"), "expected at least 1");
}

static void settings_read(struct settings *s, struct json_doc *doc)
{
	const struct json_node *root = json_doc_root(doc);
	const char *accel = NULL;

	if (!json_expect(doc, root, JSON_OBJECT))
		return;
	s->is_own_kernel = !json_member(doc, root, "kernel");
	s->is_own_initramfs = !json_member(doc, root, "initramfs");
	s->kernel = settings_take(doc, "kernel", s->kernel);
	s->initramfs = settings_take(doc, "initramfs", s->initramfs);
	s->qemu = settings_take(doc, "qemu", s->qemu);
	s->virtiofsd = settings_take(doc, "virtiofsd", s->virtiofsd);
	settings_read_passt(s, doc);
	settings_read_template(s, doc);
	if (json_string(doc, root, "accel", &accel) && accel && !accel_wish_parse(accel, &s->accel))
		json_fail(doc, json_member(doc, root, "accel"),
			  "expected \"auto\", \"kvm\" or \"tcg\"");
	json_u32(doc, root, "memory", &s->memory_mib);
	if (s->memory_mib < SETTINGS_MEMORY_MIB_MIN)
		json_fail(doc, json_member(doc, root, "memory"), "expected at least %d (MiB)",
			  SETTINGS_MEMORY_MIB_MIN);
	json_u32_range(doc, root, "vcpus", SETTINGS_VCPUS_LIMIT, &s->vcpus);
	if (!s->vcpus)
		json_fail(doc, json_member(doc, root, "vcpus"), "expected at least 1");
	json_u32_range(doc, root, "boot-timeout", SETTINGS_BOOT_TIMEOUT_S_MAX, &s->boot_timeout_s);
	if (!s->boot_timeout_s)
		json_fail(doc, json_member(doc, root, "boot-timeout"), "expected at least 1 (s)");
	settings_read_policy(s, doc);
	settings_read_ids(&s->ids, doc);
}

static int settings_parse(struct settings *s, const char *path, const char *text, size_t size,
			  struct err *e)
{
	struct json_doc *doc = NULL;
	int r = json_doc_parse(text, size, path, &doc, e);

	if (r < 0)
		return r;
	settings_read(s, doc);
	r = json_doc_status(doc);
	json_doc_free(doc);
	return r;
}

/* Beside the binary: build/vmrt has build/kernel/..., PREFIX/bin/vmrt has PREFIX/lib/vmrt/... */
static void settings_find_own_files(struct settings *s)
{
	struct utsname host;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	uname(&host);
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	s->kernel = xasprintf("%s/kernel/%s/vmlinux", self, host.machine);
	s->initramfs = xasprintf("%s/initramfs-%s.cpio", self, host.machine);
	s->backlog = xasprintf("%s/" SETTINGS_BACKLOG, self);
	if (access(s->kernel, F_OK) == 0)
		return;
	free(s->kernel);
	free(s->initramfs);
	free(s->backlog);
	s->kernel = xasprintf("%s/../lib/vmrt/kernel/%s/vmlinux", self, host.machine);
	s->initramfs = xasprintf("%s/../lib/vmrt/initramfs-%s.cpio", self, host.machine);
	s->backlog = xasprintf("%s/../lib/vmrt/" SETTINGS_BACKLOG, self);
}

static unsigned int settings_host_cpus(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	if (count < 1)
		return 1;
	return count > SETTINGS_VCPUS_DEFAULT_MAX ? SETTINGS_VCPUS_DEFAULT_MAX
						  : (unsigned int)count;
}

int settings_load(struct settings *ret, struct err *e)
{
	const char *asked = getenv("VMRT_CONFIG");
	const char *path = asked && *asked ? asked : SETTINGS_PATH;
	struct settings s = {
		.accel = ACCEL_WISH_AUTO,
		.memory_mib = SETTINGS_MEMORY_MIB,
		.boot_timeout_s = SETTINGS_BOOT_TIMEOUT_S,
		.is_own_kernel = true,
		.is_own_initramfs = true,
		.want_templates = true,
		.vcpus = settings_host_cpus(),
		.vm_policy = SETTINGS_VM_SIZE,
		.annotations = 1u << SETTINGS_ANNOTATION_VCPUS | 1u << SETTINGS_ANNOTATION_MEMORY |
			       1u << SETTINGS_ANNOTATION_ROOT,
		.max_vcpus = SETTINGS_VCPUS_LIMIT,
		.max_memory_mib = SETTINGS_MEMORY_MIB_LIMIT,
		.ids = {IDS_FIRST_DEFAULT, IDS_COUNT_DEFAULT},
	};
	auto_free char *text = NULL;
	size_t size = 0;
	int r = fd_read_file(AT_FDCWD, path, SETTINGS_MAX_BYTES, &text, &size);

	settings_find_own_files(&s);
	if (r == 0)
		r = settings_parse(&s, path, text, size, e);
	else if (r == -ENOENT && path != asked)
		r = 0;
	else
		err_sys(e, r, "reading the settings '%s'", path);
	if (r < 0) {
		settings_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void settings_trust_bundle(struct settings *s)
{
	s->vm_policy = SETTINGS_VM_ALL;
	s->annotations = (1u << SETTINGS_ANNOTATION_COUNT) - 1;
}

int settings_check_readable(const char *what, const char *path, struct err *e)
{
	struct stat st;

	if (access(path, R_OK) < 0 || stat(path, &st) < 0)
		return err_sys(e, -errno, "%s '%s'", what, path);
	if (!(st.st_mode & S_IROTH))
		return err_set(e, -EINVAL,
			       "%s '%s' must be readable by everybody (chmod a+r): QEMU has a user "
			       "of its own",
			       what, path);
	return 0;
}

int settings_check_files(const struct settings *s, struct err *e)
{
	int r = settings_check_readable("vmrt's kernel", s->kernel, e);

	return r < 0 ? r : settings_check_readable("vmrt's initramfs", s->initramfs, e);
}

void settings_done(struct settings *s)
{
	free(s->kernel);
	free(s->initramfs);
	free(s->backlog);
	free(s->qemu);
	free(s->virtiofsd);
	free(s->passt);
	free(s->kernels);
	*s = (struct settings){0};
}
