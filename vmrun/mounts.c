/* Deciding which of the host's files the command sees. Must not mount anything.
 *
 * An overlay shows one file system only: each one below the root gets its own, in the host's order.
 * The current directory comes last, so that nothing covers it. */
#include "vmrun/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "vmrun/host_mounts.h"
#include "vmrun/outputs.h"

static const char *const mounts_mode_names[MOUNTS_MODE_COUNT] = {
	[MOUNTS_RO] = "ro",
	[MOUNTS_RW] = "rw",
	[MOUNTS_COW] = "cow",
};

/* Of the machine's own. */
static const struct {
	const char *destination;
	const char *type;
	const char *options[4];
} mounts_own[] = {
	{"/proc", "proc", {"nosuid", "noexec", "nodev"}},
	{"/sys", "sysfs", {"nosuid", "noexec", "nodev"}},
	{"/sys/fs/cgroup", "cgroup", {"nosuid", "noexec", "nodev"}},
	{"/dev", "devtmpfs", {"nosuid", "mode=755"}},
	{"/dev/pts", "devpts", {"nosuid", "noexec", "ptmxmode=0666"}},
	{"/dev/shm", "tmpfs", {"nosuid", "nodev", "mode=1777"}},
	{"/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
	{"/run", "tmpfs", {"nosuid", "nodev", "mode=755"}},
};

static void mounts_add(struct mounts *m, const char *host, const char *guest, enum mounts_mode mode)
{
	m->at = xreallocarray(m->at, m->count + 1, sizeof(*m->at));
	m->at[m->count++] = (struct mounts_bind){
		.host = xstrdup(host),
		.guest = xstrdup(guest),
		.mode = mode,
	};
}

static bool mounts_has_guest(const struct mounts *m, const char *guest)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!strcmp(m->at[i].guest, guest))
			return true;
	}
	return false;
}

static int mounts_find_mode(const char *name)
{
	for (int i = 0; i < MOUNTS_MODE_COUNT; i++) {
		if (!strcmp(mounts_mode_names[i], name))
			return i;
	}
	return -1;
}

/* HOST[:GUEST[:ro|rw|cow]]; HOST:MODE is meant where the second word is a mode. */
static int mounts_add_volume(struct mounts *m, const char *text, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	char *guest = strchr(copy, ':');
	char *word = NULL;
	auto_free char *host = NULL;
	int mode = MOUNTS_RW;

	if (guest)
		*guest++ = '\0';
	if (guest && (word = strchr(guest, ':')))
		*word++ = '\0';
	if (guest && !word && *guest != '/') {
		word = guest;
		guest = NULL;
	}
	host = realpath(copy, NULL);
	if (!host)
		return err_set(e, -errno, "option --volume: '%s': %s", copy, strerror(errno));
	if (word)
		mode = mounts_find_mode(word);
	if (mode < 0)
		return err_set(e, -EINVAL, "option --volume: expected ro, rw or cow, got '%s'",
			       word);
	if (guest && *guest != '/')
		return err_set(e, -EINVAL, "option --volume: '%s' is no absolute path in the guest",
			       guest);
	mounts_add(m, host, guest ? guest : host, (enum mounts_mode)mode);
	return 0;
}

static int mounts_add_host(struct mounts *m, struct err *e)
{
	struct host_mounts host;
	int r = host_mounts_read(&host, e);

	if (r < 0)
		return r;
	/* A single file has no overlay. */
	for (size_t i = 0; i < host.count; i++)
		mounts_add(m, host.at[i].path, host.at[i].path,
			   host.at[i].is_dir ? MOUNTS_COW : MOUNTS_RO);
	host_mounts_done(&host);
	return 0;
}

/* The host's name servers may sit on its loopback: the user-mode network has one of its own. */
static int mounts_add_resolver(struct mounts *m, const char *dir, struct err *e)
{
	static const char text[] = "nameserver 10.0.2.3\n";
	auto_free char *path = xasprintf("%s/resolv.conf", dir);
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, sizeof(text) - 1);

	if (r < 0)
		return err_sys(e, r, "writing '%s'", path);
	mounts_add(m, path, "/etc/resolv.conf", MOUNTS_RO);
	return 0;
}

static int mounts_find_places(const struct request *request, struct mounts *m, struct err *e)
{
	struct stat st;

	m->cwd = getcwd(NULL, 0);
	if (!m->cwd)
		return err_sys(e, -errno, "the current directory");
	m->root = request->root ? realpath(request->root, NULL) : xstrdup("/");
	if (!m->root || stat(m->root, &st) < 0)
		return err_set(e, -errno, "option --root: '%s': %s", request->root,
			       strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "option --root: '%s' is no directory", request->root);
	if (request->workdir && *request->workdir != '/')
		return err_set(e, -EINVAL, "option --workdir: '%s' is no absolute path",
			       request->workdir);
	return 0;
}

/* Indexes were made in a directory of ours, where "kernel" is a link that leads nowhere in the
 * guest: a directory to mount on takes its place. */
static void mounts_add_module_files(struct mounts *m, const struct kernel *kernel,
				    const char *guest)
{
	auto_free char *link = xasprintf("%s/kernel", kernel->modules_dir);
	auto_free char *host = xasprintf("%s/kernel", kernel->modules_files);
	auto_free char *there = xasprintf("%s/kernel", guest);

	if (unlink(link) == 0 && mkdir(link, 0755) == 0)
		mounts_add(m, host, there, MOUNTS_RO);
}

static void mounts_add_outputs(const struct request *request, struct mounts *m)
{
	for (int i = 1; i < request->arg_count; i++) {
		auto_free char *dir = outputs_dir_of(request->args[i]);

		if (dir && !mounts_has_guest(m, dir))
			mounts_add(m, dir, dir, MOUNTS_RW);
	}
}

int mounts_plan(const struct request *request, const struct kernel *kernel, const char *dir,
		struct mounts *ret, struct err *e)
{
	bool is_host;
	int r = mounts_find_places(request, ret, e);

	if (r < 0)
		return r;
	is_host = !strcmp(ret->root, "/");
	if (is_host && !request->is_root_writable)
		r = mounts_add_host(ret, e);
	/* In "/" there is nothing to share that would not be the whole host. Before what the caller
	 * asks for, which may lie in it or be the very same directory. */
	if (r == 0 && !request->is_isolated && strcmp(ret->cwd, "/"))
		mounts_add(ret, ret->cwd, ret->cwd, MOUNTS_RW);
	if (r == 0 && kernel->modules_dir) {
		auto_free char *guest = xasprintf("/lib/modules/%s", kernel->version);

		mounts_add(ret, kernel->modules_dir, guest, MOUNTS_RO);
		if (kernel->modules_files)
			mounts_add_module_files(ret, kernel, guest);
	}
	if (r == 0 && request->net && !strcmp(request->net, "user"))
		r = mounts_add_resolver(ret, dir, e);
	for (size_t i = 0; r == 0 && i < request->volumes.count; i++)
		r = mounts_add_volume(ret, request->volumes.at[i], e);
	if (r == 0)
		mounts_add_outputs(request, ret);
	return r;
}

static int mounts_check_image(const struct mounts_bind *b, struct err *e)
{
	struct stat st;

	if (b->mode == MOUNTS_COW)
		return err_set(e, -ENOTSUP, "option --volume: cow is not possible with --image");
	if (stat(b->host, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR,
			       "option --volume: '%s' is no directory: with --image only those "
			       "are shared",
			       b->host);
	return 0;
}

int mounts_plan_image(const struct request *request, struct mounts *ret, struct err *e)
{
	int r = 0;

	ret->cwd = getcwd(NULL, 0);
	if (!ret->cwd)
		return err_sys(e, -errno, "the current directory");
	if (request->workdir && *request->workdir != '/')
		return err_set(e, -EINVAL, "option --workdir: '%s' is no absolute path",
			       request->workdir);
	if (strcmp(ret->cwd, "/"))
		mounts_add(ret, ret->cwd, ret->cwd, MOUNTS_RW);
	for (size_t i = 0; !r && i < request->volumes.count; i++)
		r = mounts_add_volume(ret, request->volumes.at[i], e);
	for (size_t i = 0; !r && i < ret->count; i++)
		r = mounts_check_image(&ret->at[i], e);
	return r;
}

static void mounts_put_bind(struct json_out *out, const struct mounts_bind *b)
{
	json_out_object(out, NULL);
	json_out_string(out, "destination", b->guest);
	json_out_string(out, "source", b->host);
	json_out_string(out, "type", "bind");
	json_out_array(out, "options");
	json_out_string(out, NULL, b->mode == MOUNTS_COW ? "bind" : "rbind");
	json_out_string(out, NULL, b->mode == MOUNTS_RO ? "rro" : mounts_mode_names[b->mode]);
	json_out_end(out);
	json_out_end(out);
}

void mounts_put(struct json_out *out, const struct mounts *m)
{
	json_out_array(out, "mounts");
	for (size_t i = 0; i < sizeof(mounts_own) / sizeof(*mounts_own); i++) {
		json_out_object(out, NULL);
		json_out_string(out, "destination", mounts_own[i].destination);
		json_out_string(out, "source", mounts_own[i].type);
		json_out_string(out, "type", mounts_own[i].type);
		json_out_array(out, "options");
		for (size_t n = 0; n < 4 && mounts_own[i].options[n]; n++)
			json_out_string(out, NULL, mounts_own[i].options[n]);
		json_out_end(out);
		json_out_end(out);
	}
	for (size_t i = 0; i < m->count; i++)
		mounts_put_bind(out, &m->at[i]);
	json_out_end(out);
}

void mounts_done(struct mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->at[i].host);
		free(m->at[i].guest);
	}
	free(m->at);
	free(m->root);
	free(m->cwd);
	*m = (struct mounts){0};
}
