/* Modules by way of libkmod. Must not decide which are needed.
 *
 * libkmod reads the indexes that depmod makes; the host's modprobe.d has no say in the guest. */
#include "vmrun/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/cpio.h"

#define MODULES_FILE_BYTES (256u << 20)

extern char **environ;

struct modules {
	struct kmod_ctx *ctx;
	char *index_dir;
};

/* Modules in the order of loading, each once. */
struct modules_order {
	struct strv paths;
	struct strv lines; /* of the list for init */
};

static int modules_copy(const char *dir, const char *to, const char *name, struct err *e)
{
	auto_free char *from_path = xasprintf("%s/%s", dir, name);
	auto_free char *to_path = xasprintf("%s/%s", to, name);
	auto_free char *text = NULL;
	auto_close int fd = -1;
	size_t size;
	int r = fd_read_file(AT_FDCWD, from_path, MODULES_FILE_BYTES, &text, &size);

	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		fd = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		r = fd < 0 ? -errno : fd_write_all(fd, text, size);
	}
	return r < 0 ? err_sys(e, r, "copying '%s'", from_path) : 0;
}

static int modules_run_depmod(const char *base, const char *version, struct err *e)
{
	char *argv[] = {(char *)"depmod", (char *)"-b", (char *)(uintptr_t)base,
			(char *)(uintptr_t)version, NULL};
	int status = 0;
	pid_t pid;
	int r = posix_spawnp(&pid, "depmod", NULL, NULL, argv, environ);

	if (r == ENOENT)
		r = posix_spawn(&pid, "/sbin/depmod", NULL, NULL, argv, environ);
	if (r)
		return err_set(e, -r, "starting depmod: %s", strerror(r));
	if (waitpid(pid, &status, 0) < 0 || status)
		return err_set(e, -EIO, "depmod failed for the modules of %s", version);
	return 0;
}

/* Indexes beside links to the modules: the directory itself is not ours to write to. */
static int modules_make_index(struct modules *m, const char *dir, const char *version,
			      const char *scratch, struct err *e)
{
	static const char *const files[] = {"modules.order", "modules.builtin",
					    "modules.builtin.modinfo"};
	auto_free char *base = xasprintf("%s/kernel", scratch);
	auto_free char *lib = xasprintf("%s/lib", base);
	auto_free char *all = xasprintf("%s/modules", lib);
	auto_free char *from = xasprintf("%s/kernel", dir);
	auto_free char *link = NULL;
	int r = 0;

	m->index_dir = xasprintf("%s/%s", all, version);
	link = xasprintf("%s/kernel", m->index_dir);
	if (mkdir(base, 0700) < 0 || mkdir(lib, 0700) < 0 || mkdir(all, 0700) < 0 ||
	    mkdir(m->index_dir, 0755) < 0 || symlink(from, link) < 0)
		return err_sys(e, -errno, "making '%s'", m->index_dir);
	for (size_t i = 0; !r && i < sizeof(files) / sizeof(*files); i++)
		r = modules_copy(dir, m->index_dir, files[i], e);
	return r < 0 ? r : modules_run_depmod(base, version, e);
}

int modules_open(const char *dir, const char *version, const char *scratch, struct modules **ret,
		 struct err *e)
{
	static const char *const no_config[] = {NULL};
	auto_free char *index = xasprintf("%s/modules.dep.bin", dir);
	struct modules *m = xcalloc(1, sizeof(*m));
	int r = 0;

	if (access(index, R_OK) == 0)
		m->index_dir = xstrdup(dir);
	else
		r = modules_make_index(m, dir, version, scratch, e);
	if (r == 0) {
		m->ctx = kmod_new(m->index_dir, no_config);
		if (!m->ctx)
			r = err_set(e, -ENOMEM, "reading the modules in '%s'", m->index_dir);
	}
	if (r < 0) {
		modules_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	kmod_unref(m->ctx);
	free(m->index_dir);
	free(m);
}

const char *modules_index_dir(const struct modules *m)
{
	return m->index_dir;
}

enum kernel_support modules_find(void *arg, const char *name)
{
	struct modules *m = arg;
	struct kmod_list *list = NULL;
	struct kmod_list *item;
	enum kernel_support found = KERNEL_SUPPORT_MISSING;

	if (kmod_module_new_from_lookup(m->ctx, name, &list) < 0 || !list)
		return KERNEL_SUPPORT_MISSING;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		/* A built-in one has no file. */
		found = kmod_module_get_path(module) ? KERNEL_SUPPORT_MODULE
						     : KERNEL_SUPPORT_BUILTIN;
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	return found;
}

static struct modules_order *modules_collected;

/* libkmod's callback carries no argument of ours. */
static void modules_collect(struct kmod_module *module, bool has_install, const char *options)
{
	struct modules_order *order = modules_collected;
	const char *path = kmod_module_get_path(module);
	const char *name;

	(void)has_install;
	for (size_t i = 0; path && i < order->paths.count; i++) {
		if (!strcmp(order->paths.at[i], path))
			return;
	}
	if (!path)
		return;
	name = strrchr(path, '/') + 1;
	strv_push(&order->paths, path);
	strv_pushf(&order->lines, "%s%s%s", name, options && *options ? " " : "",
		   options ? options : "");
}

static int modules_add(struct modules *m, struct modules_order *order, const char *name,
		       struct err *e)
{
	struct kmod_list *list = NULL;
	struct kmod_list *item;
	int r = kmod_module_new_from_lookup(m->ctx, name, &list);

	if (r < 0 || !list)
		return err_set(e, -ENOENT, "there is no module '%s' in '%s'", name, m->index_dir);
	modules_collected = order;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		/* What the host has loaded says nothing: only the order is asked for. */
		r = kmod_module_get_path(module)
			    ? kmod_module_probe_insert_module(module,
							      KMOD_PROBE_IGNORE_COMMAND |
								      KMOD_PROBE_IGNORE_LOADED |
								      KMOD_PROBE_DRY_RUN,
							      NULL, NULL, NULL, modules_collect)
			    : 0;
		kmod_module_unref(module);
		if (r < 0)
			break;
	}
	kmod_module_unref_list(list);
	return r < 0 ? err_sys(e, r, "resolving the module '%s'", name) : 0;
}

static int modules_put_file(struct cpio *c, const char *path, struct err *e)
{
	auto_free char *name = xasprintf("modules/%s", strrchr(path, '/') + 1);
	auto_free char *data = NULL;
	size_t size;
	int r = fd_read_file(AT_FDCWD, path, MODULES_FILE_BYTES, &data, &size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", path);
	cpio_put_file(c, name, 0644, data, size);
	return 0;
}

static int modules_write(const struct modules_order *order, const char *path, struct err *e)
{
	auto_free char *list =
		strv_join((const char *const *)order->lines.at, order->lines.count, "\n");
	struct cpio c;
	int r = cpio_open(&c, path, e);

	if (r < 0)
		return r;
	cpio_put_dir(&c, "modules", 0755);
	cpio_put_file(&c, "modules/list", 0644, list, strlen(list));
	for (size_t i = 0; r == 0 && i < order->paths.count; i++)
		r = modules_put_file(&c, order->paths.at[i], e);
	return r < 0 ? (cpio_abandon(&c), r) : cpio_close(&c, e);
}

int modules_write_initrd(struct modules *m, const struct strv *names, const char *path,
			 struct err *e)
{
	struct modules_order order = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->count; i++)
		r = modules_add(m, &order, names->at[i], e);
	if (r == 0)
		r = modules_write(&order, path, e);
	strv_done(&order.paths);
	strv_done(&order.lines);
	return r;
}
