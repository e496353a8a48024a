/* Making a root out of what --root names. Must not take archives apart itself: vmrun-unpack does,
 * in a process that can reach nothing else. */
#include "vmrun/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/json.h"

#define IMAGE_UNPACK	   "vmrun-unpack"
#define IMAGE_CONFIG_BYTES (4u << 20)
#define IMAGE_LINE_BYTES   4096

extern char **environ;

bool image_is_archive(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void image_take_list(struct strv *to, const char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strv_push(to, texts[i]);
}

static int image_read_json(const char *path, struct json_doc **ret, char **ret_text, struct err *e)
{
	size_t size = 0;
	int r = fd_read_file(AT_FDCWD, path, IMAGE_CONFIG_BYTES, ret_text, &size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", path);
	return json_doc_parse(*ret_text, size, path, ret, e);
}

/* A bundle's root.path and process. Its mounts and limits are a container's, not a command's. */
static int image_take_bundle(const char *dir, const char *config, struct image *image,
			     struct err *e)
{
	struct json_doc *doc = NULL;
	auto_free char *text = NULL;
	const struct json_node *process;
	const char *root = NULL;
	const char *cwd = NULL;
	const char **env = NULL;
	const char **args = NULL;
	size_t env_count = 0;
	size_t arg_count = 0;
	uint32_t uid = 0;
	uint32_t gid = 0;
	int r = image_read_json(config, &doc, &text, e);

	if (r < 0)
		return r;
	process = json_object(doc, json_doc_root(doc), "process");
	json_string(doc, json_object(doc, json_doc_root(doc), "root"), "path", &root);
	json_string(doc, process, "cwd", &cwd);
	json_strings(doc, process, "env", &env_count, &env);
	json_strings(doc, process, "args", &arg_count, &args);
	json_u32(doc, json_object(doc, process, "user"), "uid", &uid);
	json_u32(doc, json_object(doc, process, "user"), "gid", &gid);
	r = json_doc_status(doc);
	if (r == 0 && !root)
		r = err_set(e, -EINVAL, "%s: root.path: required member is missing", config);
	if (r == 0) {
		image->root = *root == '/' ? xstrdup(root) : xasprintf("%s/%s", dir, root);
		image->workdir = cwd ? xstrdup(cwd) : NULL;
		image->user = xasprintf("%u:%u", uid, gid);
		image_take_list(&image->env, env, env_count);
		image_take_list(&image->args, args, arg_count);
	}
	json_doc_free(doc);
	return r;
}

static int image_take_config(const char *path, struct image *image, struct err *e)
{
	struct json_doc *doc = NULL;
	auto_free char *text = NULL;
	const struct json_node *config;
	const char *cwd = NULL;
	const char *user = NULL;
	const char **texts = NULL;
	size_t count = 0;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && !st.st_size)
		return 0; /* of a tar that is no image */
	r = image_read_json(path, &doc, &text, e);
	if (r < 0)
		return r;
	config = json_object(doc, json_doc_root(doc), "config");
	json_string(doc, config, "WorkingDir", &cwd);
	json_string(doc, config, "User", &user);
	if (json_strings(doc, config, "Env", &count, &texts))
		image_take_list(&image->env, texts, count);
	if (json_strings(doc, config, "Entrypoint", &count, &texts))
		image_take_list(&image->args, texts, count);
	if (json_strings(doc, config, "Cmd", &count, &texts))
		image_take_list(&image->args, texts, count);
	image->workdir = cwd ? xstrdup(cwd) : NULL;
	image->user = user ? xstrdup(user) : NULL;
	r = json_doc_status(doc);
	json_doc_free(doc);
	return r;
}

/* Nothing of it is seen outside, and nothing is left when its last process is gone. */
static int image_mount(const char *dir, struct err *e)
{
	if (mkdir(dir, 0700) < 0)
		return err_sys(e, -errno, "making '%s'", dir);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("vmrun", dir, "tmpfs", MS_NODEV, "mode=0700") < 0)
		return err_sys(e, -errno, "mounting a file system for the image");
	return 0;
}

/* Beside vmrun, as built, or where `make install` puts it. */
static char *image_find_unpack(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	auto_free char *beside = NULL;
	char *slash;

	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	beside = xasprintf("%s/" IMAGE_UNPACK, self);
	return access(beside, X_OK) == 0 ? take_ptr(beside)
					 : xasprintf("%s/../lib/vmrt/" IMAGE_UNPACK, self);
}

static int image_unpack(const char *archive, const char *dir, struct err *e)
{
	auto_free char *program = image_find_unpack();
	char *argv[] = {program, (char *)(uintptr_t)archive, (char *)(uintptr_t)dir, NULL};
	char line[IMAGE_LINE_BYTES] = "";
	posix_spawn_file_actions_t files;
	int pipe_fds[2];
	int status = 0;
	pid_t pid;
	int r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "making a pipe");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, pipe_fds[1], STDERR_FILENO);
	r = posix_spawn(&pid, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(pipe_fds[1]);
	if (r == 0) {
		(void)fd_read_all(pipe_fds[0], line, sizeof(line) - 1);
		waitpid(pid, &status, 0);
	}
	close(pipe_fds[0]);
	line[strcspn(line, "\n")] = '\0';
	if (r)
		return err_set(e, -r, "starting '%s': %s", program, strerror(r));
	if (status)
		return err_set(e, -EINVAL, "option --root: '%s': %s", archive,
			       *line ? line : "it could not be unpacked");
	return 0;
}

static int image_take_archive(const char *archive, const char *dir, struct image *image,
			      struct err *e)
{
	auto_free char *place = xasprintf("%s/image", dir);
	auto_free char *config = xasprintf("%s/image.json", place);
	int r;

	if (geteuid() != 0)
		return err_set(e, -EPERM,
			       "option --root: '%s': its files belong to users that only root can "
			       "give them to: take a directory, or call vmrun as root",
			       archive);
	r = image_mount(place, e);
	if (r < 0)
		return r;
	image->mount = xstrdup(place);
	r = image_unpack(archive, place, e);
	if (r == 0)
		r = image_take_config(config, image, e);
	image->root = xasprintf("%s/root", place);
	return r;
}

int image_open(const char *path, const char *dir, struct image *ret, struct err *e)
{
	auto_free char *real = realpath(path, NULL);
	auto_free char *config = NULL;
	auto_free char *rootfs = NULL;
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_set(e, -errno, "option --root: '%s': %s", path, strerror(errno));
	if (S_ISREG(st.st_mode))
		return image_take_archive(real, dir, ret, e);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR,
			       "option --root: '%s' is neither a directory nor an archive", path);
	config = xasprintf("%s/config.json", real);
	rootfs = xasprintf("%s/rootfs", real);
	/* A root file system has no such pair. */
	if (access(config, F_OK) == 0 && access(rootfs, F_OK) == 0)
		return image_take_bundle(real, config, ret, e);
	ret->root = take_ptr(real);
	return 0;
}

void image_done(struct image *image)
{
	if (image->mount)
		(void)umount2(image->mount, MNT_DETACH);
	strv_done(&image->env);
	strv_done(&image->args);
	free(image->root);
	free(image->workdir);
	free(image->user);
	free(image->mount);
	*image = (struct image){0};
}
