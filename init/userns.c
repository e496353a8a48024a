/* Entering a user namespace. Must not decide what is mapped to what. */
#include "init/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/wording.h"
#include "lib/fd.h"

#define USERNS_NOBODY	  65534
#define USERNS_MAP_BYTES  4096 /* the kernel takes less than a page */
#define USERNS_PATH_BYTES 64

static uint32_t userns_map(const struct guest_id_map *map, uint32_t id)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct guest_id_range *r = &map->at[i];

		if (id >= r->container && id - r->container < r->size)
			return r->machine + (id - r->container);
	}
	return map->count ? USERNS_NOBODY : id;
}

uint32_t userns_uid(const struct guest_container *c, uint32_t uid)
{
	return userns_map(&c->uid_map, uid);
}

uint32_t userns_gid(const struct guest_container *c, uint32_t gid)
{
	return userns_map(&c->gid_map, gid);
}

/* Another fsuid than root's takes the capabilities over files out of the effective set: they are
 * needed, and still permitted. */
static int userns_raise(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int userns_begin(const struct guest_container *c, int *ret_proc_fd, struct err *e)
{
	int r;

	if (!(c->namespaces & CLONE_NEWUSER))
		return 0;
	*ret_proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_proc_fd < 0)
		return err_sys(e, -errno, "guest: /proc");
	setfsgid(userns_gid(c, 0));
	setfsuid(userns_uid(c, 0));
	r = userns_raise();
	return r < 0 ? err_sys(e, r, "guest: capabilities of the container's root") : 0;
}

static int userns_write_map(int proc_fd, const char *process, const char *name,
			    const struct guest_id_map *map)
{
	char path[USERNS_PATH_BYTES];
	char text[USERNS_MAP_BYTES];
	size_t used = 0;
	auto_close int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", process, name);
	fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (uint32_t i = 0; i < map->count; i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%u %u %u\n",
				 map->at[i].container, map->at[i].machine, map->at[i].size);

		if (n < 0 || (size_t)n >= sizeof(text) - used)
			return -E2BIG;
		used += (size_t)n;
	}
	return fd_write_all(fd, text, used);
}

/* In a process that has stayed outside: inside nobody may write a map of more than itself. */
_Noreturn static void userns_help(const struct guest_container *c, int proc_fd, const char *process,
				  int go_fd)
{
	char go;
	int r = read(go_fd, &go, 1) == 1 ? 0 : -EIO;

	if (!r)
		r = userns_write_map(proc_fd, process, "uid_map", &c->uid_map);
	if (!r)
		r = userns_write_map(proc_fd, process, "gid_map", &c->gid_map);
	_exit(-r);
}

static int userns_unshare(const struct guest_container *c, int go_fd)
{
	int uts = (int)(c->namespaces & CLONE_NEWUTS);

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | uts) < 0)
		return -errno;
	return fd_write_all(go_fd, "", 1);
}

int userns_enter(const struct guest_container *c, int proc_fd, struct err *e)
{
	char process[16];
	ssize_t size;
	int go[2];
	int status;
	pid_t helper;
	int r;

	if (!(c->namespaces & CLONE_NEWUSER))
		return 0;
	size = readlinkat(proc_fd, "self", process, sizeof(process) - 1);
	if (size < 0 || pipe2(go, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "guest: preparing the user namespace");
	process[size] = '\0';
	helper = fork();
	if (helper < 0)
		return err_sys(e, -errno, "guest: preparing the user namespace");
	if (helper == 0) {
		close(go[1]);
		userns_help(c, proc_fd, process, go[0]);
	}
	close(go[0]);
	r = userns_unshare(c, go[1]);
	close(go[1]);
	while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_set(e, r, "unable to unshare user namespace: %s", wording_errno(-r));
	if (status)
		return err_set(e, -EPERM, "failed to write the id mappings: %s",
			       wording_errno(WIFEXITED(status) ? WEXITSTATUS(status) : EIO));
	return 0;
}
