/* Finding and connecting the host's notification socket. Must not relay: the monitor does. */
#include "runtime/cmd/notify.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/log/log.h"

#define NOTIFY_VARIABLE "NOTIFY_SOCKET="
#define NOTIFY_PATH	"/run/notify/notify.sock" /* where runc puts one of its own */

static const char *notify_of_process(const struct oci_process *p)
{
	const char *value = NULL;

	for (size_t i = 0; i < p->env.count; i++) {
		if (!strncmp(p->env.at[i], NOTIFY_VARIABLE, strlen(NOTIFY_VARIABLE)))
			value = p->env.at[i] + strlen(NOTIFY_VARIABLE);
	}
	return value && *value == '/' ? value : NULL;
}

/* Where a path of the container is on the host: in the last mount that covers it, or in the rootfs.
 * NULL: in a mount that the guest makes. `ret_rest` is the path from there on, or empty. */
static const char *notify_find_base(const struct plan *p, const char *path, const char **ret_rest)
{
	const char *base = p->rootfs;

	*ret_rest = path;
	for (uint32_t i = 0, bind = 0; i < p->guest.mount_count; i++) {
		const struct guest_mount *m = &p->guest.mounts[i];
		size_t size = strlen(m->destination);
		bool is_bind = m->kind == GUEST_MOUNT_BIND;

		if (!strncmp(path, m->destination, size) && (path[size] == '/' || !path[size])) {
			base = is_bind ? p->binds[bind].source : NULL;
			*ret_rest = path + size;
		}
		bind += is_bind;
	}
	return base;
}

static int notify_connect_to(const char *name)
{
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(name);

	if (fd < 0 || size >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, name, size);
	/* '@' stands for the abstract namespace, as in sd_notify(3). */
	if (*name == '@')
		address.sun_path[0] = '\0';
	if (connect(fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		return -1;
	return take_fd(fd);
}

/* Engines' paths are longer than a socket's name may be: go through the directory. */
static int notify_open(const char *path)
{
	const char *leaf = strrchr(path, '/');
	auto_free char *folder = leaf ? xstrndup(path, (size_t)(leaf - path)) : NULL;
	auto_free char *name = NULL;
	auto_close int dirfd = -1;

	if (!leaf)
		return notify_connect_to(path);
	dirfd = open(*folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	name = xasprintf("/proc/self/fd/%d%s", dirfd, leaf);
	return dirfd < 0 ? -1 : notify_connect_to(name);
}

/* The image, and the guest before it is asked, decide what links there are: none leads out. */
static int notify_open_inside(const char *base, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	auto_close int root = open(base, O_PATH | O_CLOEXEC);
	auto_close int fd = -1;
	struct stat st;
	char name[32];

	if (*path)
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	else
		fd = take_fd(root);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return notify_connect_to(name);
}

static void notify_add_variable(struct guest_list *env)
{
	env->at = xreallocarray(env->at, (size_t)env->count + 2, sizeof(*env->at));
	env->at[env->count++] = NOTIFY_VARIABLE NOTIFY_PATH;
	env->at[env->count] = NULL;
}

/* The monitor's end of a pair whose other end is the waiting command's. */
static int notify_through_us(int fd, struct stdio_plan *io)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return fd;
	io->notify_from = pair[0];
	io->notify_to = fd;
	return pair[1];
}

static int notify_connect_caller(struct plan *p, const char *path)
{
	int fd = notify_open(path);

	if (fd < 0) {
		log_warn("NOTIFY_SOCKET: nobody listens at '%s'", path);
		return -1;
	}
	notify_add_variable(&p->guest.process.env);
	p->guest.notify_path = NOTIFY_PATH;
	return fd;
}

int notify_connect(struct plan *p, bool is_foreground, struct stdio_plan *io)
{
	const char *inside = notify_of_process(p->config->process);
	const char *rest = NULL;
	const char *base = inside ? notify_find_base(p, inside, &rest) : NULL;
	const char *callers = getenv("NOTIFY_SOCKET");
	int fd = base ? notify_open_inside(base, rest) : -1;

	if (fd >= 0)
		p->guest.notify_path = inside;
	if (inside || !callers || (*callers != '/' && *callers != '@'))
		return fd;
	fd = notify_connect_caller(p, callers);
	return fd >= 0 && is_foreground ? notify_through_us(fd, io) : fd;
}
