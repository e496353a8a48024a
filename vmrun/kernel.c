/* From --kernel to what QEMU is given: version, configuration, modules, machine. Must not start
 * anything but depmod (modules.c).
 *
 *   image ── version ──┬─> config:  in the image, beside it, in a build tree
 *                      └─> modules: beside it (../lib/modules), /lib/modules
 *                              │
 *   needs (kernel_needs.c) ────┴─> machine, modules to load, what is missing */
#include "vmrun/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/kernel_image.h"
#include "vmrun/kernel_needs.h"
#include "vmrun/modules.h"

#define KERNEL_CONFIG_BYTES (4u << 20)
#define KERNEL_PLACES_MAX   6

/* What is known of the kernel while it is being looked at. */
struct kernel_study {
	struct kernel_image image;
	char *config; /* found outside of the image */
	struct modules *modules;
	struct kernel_facts facts;
};

static void kernel_study_done(struct kernel_study *s)
{
	kernel_image_done(&s->image);
	free(s->config);
	modules_free(s->modules);
}

/* Beside the image as packages lay it out, then the host's. */
static char *kernel_find_modules(const char *folder, const char *version)
{
	auto_free char *beside = xasprintf("%s/../lib/modules/%s", folder, version);
	auto_free char *usr = xasprintf("%s/../usr/lib/modules/%s", folder, version);
	auto_free char *host = xasprintf("/lib/modules/%s", version);
	const char *places[] = {beside, usr, folder, host};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		auto_free char *inside = xasprintf("%s/modules.builtin", places[i]);
		char *found = access(inside, R_OK) == 0 ? realpath(places[i], NULL) : NULL;

		if (found)
			return found;
	}
	return NULL;
}

/* Packages put it beside the image or the modules, a build tree at its top. */
static char *kernel_find_config(const char *folder, const char *version, const char *modules_dir)
{
	char *places[KERNEL_PLACES_MAX] = {
		xasprintf("%s/config-%s", folder, version ? version : ""),
		xasprintf("%s/config", modules_dir ? modules_dir : folder),
		xasprintf("%s/build/.config", modules_dir ? modules_dir : folder),
		xasprintf("%s/.config", folder),
		xasprintf("%s/../../../.config", folder),
		xasprintf("/boot/config-%s", version ? version : ""),
	};
	char *text = NULL;

	for (size_t i = 0; i < KERNEL_PLACES_MAX; i++) {
		if (!text &&
		    fd_read_file(AT_FDCWD, places[i], KERNEL_CONFIG_BYTES, &text, NULL) < 0)
			text = NULL;
		free(places[i]);
	}
	return text;
}

static int kernel_study(struct kernel *k, const char *dir, struct kernel_study *s, struct err *e)
{
	auto_free char *folder = xstrdup(k->image);
	auto_free char *modules_dir = NULL;
	int r = kernel_image_read(k->image, &s->image, e);

	if (r < 0)
		return r;
	*strrchr(folder, '/') = '\0';
	if (s->image.version) {
		k->version = xstrdup(s->image.version);
		modules_dir = kernel_find_modules(folder, k->version);
	}
	if (modules_dir) {
		r = modules_open(modules_dir, k->version, dir, &s->modules, e);
		if (r < 0)
			return r;
		k->modules_dir = xstrdup(modules_index_dir(s->modules));
		if (strcmp(k->modules_dir, modules_dir))
			k->modules_files = take_ptr(modules_dir);
		s->facts.find_module = modules_find;
		s->facts.arg = s->modules;
	}
	if (!s->image.config)
		s->config = kernel_find_config(
			folder, k->version, k->modules_files ? k->modules_files : k->modules_dir);
	s->facts.config = s->image.config ? s->image.config : s->config;
	return 0;
}

static void kernel_say(const struct request *request, const char *text)
{
	if (!request->is_quiet)
		fprintf(stderr, "vmrun: %s\n", text);
}

/* The microvm boots faster; it takes a vmlinux, and a driver that few distributions build. */
static enum kernel_need kernel_choose_bus(const struct request *request, const struct kernel *k,
					  const struct kernel_study *s)
{
	enum kernel_support mmio = kernel_needs_bus(&s->facts, KERNEL_NEED_MMIO);
	enum kernel_support pci = kernel_needs_bus(&s->facts, KERNEL_NEED_PCI);
	bool is_elf = s->image.format == KERNEL_FORMAT_ELF;
	auto_free char *guess = NULL;

	if (mmio == KERNEL_SUPPORT_BUILTIN && (is_elf || pci == KERNEL_SUPPORT_MISSING))
		return KERNEL_NEED_MMIO;
	if (mmio == KERNEL_SUPPORT_MISSING || pci == KERNEL_SUPPORT_BUILTIN ||
	    pci == KERNEL_SUPPORT_MODULE)
		return KERNEL_NEED_PCI;
	guess = xasprintf("no configuration of %s was found: taking a machine with PCI, all that "
			  "it needs for built in",
			  k->image);
	kernel_say(request, guess);
	return KERNEL_NEED_PCI;
}

static unsigned int kernel_reasons(const struct request *request, enum kernel_need bus)
{
	unsigned int needs = KERNEL_NEED_ALWAYS | bus;

	if (request->is_standalone)
		return KERNEL_NEED_INITRD | (bus == KERNEL_NEED_PCI ? KERNEL_NEED_SERIAL : bus);
	if (!request->is_root_writable)
		needs |= KERNEL_NEED_OVERLAY;
	for (size_t i = 0; i < request->volumes.count; i++) {
		const char *mode = strrchr(request->volumes.at[i], ':');

		if (mode && !strcmp(mode, ":cow"))
			needs |= KERNEL_NEED_OVERLAY;
	}
	if (request->net && !strcmp(request->net, "user"))
		needs |= KERNEL_NEED_NET;
	if (request->disks.count || request->image)
		needs |= KERNEL_NEED_DISK;
	return needs;
}

static int kernel_fail_missing(const struct kernel *k, const struct strv *missing, struct err *e)
{
	auto_free char *text = strv_join((const char *const *)missing->at, missing->count, ", ");

	return err_set(e, -ENOTSUP, "the kernel '%s'%s%s lacks %s", k->image, k->version ? " " : "",
		       k->version ? k->version : "", text);
}

static int kernel_make_initrd(const struct request *request, struct kernel *k,
			      struct kernel_study *s, struct strv *modules, const char *dir,
			      struct err *e)
{
	auto_free char *path = xasprintf("%s/modules.cpio", dir);
	int r;

	for (size_t i = 0; i < request->modules.count; i++)
		strv_push(modules, request->modules.at[i]);
	if (!modules->count)
		return 0;
	if (!s->modules)
		return err_set(e, -ENOENT, "no modules of the kernel '%s' were found", k->image);
	r = modules_write_initrd(s->modules, modules, path, e);
	if (r == 0)
		k->initrd = take_ptr(path);
	return r;
}

#ifdef __x86_64__
#define KERNEL_BUILT "arch/x86/boot/bzImage"
#else
#define KERNEL_BUILT "arch/arm64/boot/Image"
#endif

/* A file, a build tree, or the version of an installed kernel. Owned; NULL with errno. */
static char *kernel_find_image(const char *wanted)
{
	auto_free char *other = NULL;
	struct stat st;

	if (stat(wanted, &st) == 0 && S_ISDIR(st.st_mode))
		other = xasprintf("%s/" KERNEL_BUILT, wanted);
	else if (access(wanted, F_OK) < 0 && *wanted && !strchr(wanted, '/'))
		other = xasprintf("/boot/vmlinuz-%s", wanted);
	return realpath(other ? other : wanted, NULL);
}

static void kernel_tell(const struct kernel *k, const struct strv *modules)
{
	auto_free char *names = strv_join((const char *const *)modules->at, modules->count, ", ");

	fprintf(stderr, "vmrun: kernel %s (%s), machine %s%s%s\n", k->image,
		k->version ? k->version : "version not known", k->machine,
		*names ? ", modules " : "", names);
}

int kernel_prepare(const struct request *request, const char *dir, struct kernel *ret,
		   struct err *e)
{
	struct kernel_study s = {0};
	auto_strv struct strv modules = {0};
	auto_strv struct strv missing = {0};
	enum kernel_need bus;
	int r;

	if (!request->kernel && request->modules.count)
		return err_set(e, -EINVAL, "option --module: vmrt's own kernel has no modules");
	if (!request->kernel && request->is_verbose)
		fprintf(stderr, "vmrun: vmrt's own kernel\n");
	if (!request->kernel)
		return 0;
	ret->image = kernel_find_image(request->kernel);
	if (!ret->image)
		return err_set(e, -errno, "option --kernel: '%s': %s", request->kernel,
			       strerror(errno));
	r = kernel_study(ret, dir, &s, e);
	if (r == 0) {
		bus = kernel_choose_bus(request, ret, &s);
		ret->machine = bus == KERNEL_NEED_PCI ? "q35" : "microvm";
		kernel_needs_list(&s.facts, kernel_reasons(request, bus), &modules, &missing);
		r = missing.count ? kernel_fail_missing(ret, &missing, e) : 0;
	}
	if (r == 0)
		r = kernel_make_initrd(request, ret, &s, &modules, dir, e);
	if (r == 0 && request->is_verbose)
		kernel_tell(ret, &modules);
	kernel_study_done(&s);
	return r;
}

void kernel_done(struct kernel *k)
{
	free(k->image);
	free(k->version);
	free(k->modules_dir);
	free(k->modules_files);
	free(k->initrd);
	*k = (struct kernel){0};
}
