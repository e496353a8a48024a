/* The container's cgroup. Must not convert or check limits: the host has.
 *
 * It is always made: the device filter is what keeps a container with CAP_MKNOD from init's own
 * devices, the ports to the host among them. */
#include "init/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/inroot.h"
#include "init/machine.h"
#include "init/wording.h"
#include "lib/fd.h"
#include "lib/mem.h"

#define CGROUP_LIST_BYTES  512
#define CGROUP_VALUE_BYTES 256
#define CGROUP_PATH_BYTES  8192

static int cgroup_begun = -1; /* a pipe from the process that mounts */

/* "cpu memory" -> "+cpu +memory", for the children of the root cgroup. */
static int cgroup_enable_controllers(void)
{
	auto_close int from = open(MACHINE_CGROUP_DIR "/cgroup.controllers", O_RDONLY | O_CLOEXEC);
	auto_close int to =
		open(MACHINE_CGROUP_DIR "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	char names[CGROUP_LIST_BYTES];
	char request[CGROUP_LIST_BYTES * 2];
	char *at = request;
	char *save = NULL;
	ssize_t n;

	if (from < 0 || to < 0)
		return -errno;
	n = fd_read_all(from, names, sizeof(names) - 1);
	if (n < 0)
		return (int)n;
	names[n] = '\0';
	for (char *name = strtok_r(names, " \n", &save); name;
	     name = strtok_r(NULL, " \n", &save)) {
		*at++ = '+';
		at = stpcpy(at, name);
		*at++ = ' ';
	}
	return at == request ? 0 : fd_write_all(to, request, (size_t)(at - request));
}

static int cgroup_write(int dir_fd, const struct guest_pair *p, struct err *e)
{
	auto_close int fd = openat(dir_fd, p->name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, -errno, "error setting cgroup config: open %s: %s", p->name,
			       wording_errno(errno));
	if (fd_write_all(fd, p->value, strlen(p->value)) < 0)
		return err_set(e, -errno, "error setting cgroup config: write %s (%s): %s", p->name,
			       p->value, wording_errno(errno));
	return 0;
}

int cgroup_filter_devices(int dir_fd, const struct guest_device_filter *f, struct err *e)
{
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)f->insns,
		.insn_cnt = f->count,
		.license = (uintptr_t) "Dual BSD/GPL",
	};
	union bpf_attr attach = {.attach_type = BPF_CGROUP_DEVICE};
	auto_close int fd = -1;

	if (!f->count)
		return 0;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (fd < 0)
		return err_set(e, -errno, "guest: loading the device filter: %s",
			       wording_errno(errno));
	attach.target_fd = (uint32_t)dir_fd;
	attach.attach_bpf_fd = (uint32_t)fd;
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0)
		return err_set(e, -errno, "guest: attaching the device filter: %s",
			       wording_errno(errno));
	return 0;
}

int cgroup_open_sub(int cgroup_fd, const char *path, struct err *e)
{
	int fd = inroot_open(cgroup_fd, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return err_set(e, fd,
			       "error adding pid to cgroups: openat2 "
			       "/sys/fs/cgroup/%s/cgroup.procs: %s",
			       path, wording_errno(-fd));
	return fd;
}

int cgroup_open_of(pid_t pid)
{
	auto_free char *text = NULL;
	char path[40];
	size_t prefix = strlen(CGROUP_OF_PROCESS);
	int root;
	int fd;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	r = fd_read_file(AT_FDCWD, path, CGROUP_PATH_BYTES, &text, NULL);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, CGROUP_OF_PROCESS, prefix) != 0)
		return -ESRCH;
	root = open(CGROUP_CHILD, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -errno : inroot_open(root, text + prefix, O_RDONLY | O_DIRECTORY);
	fd_close(&root);
	return fd;
}

static void cgroup_read_value(int dir_fd, const char *name, char value[CGROUP_VALUE_BYTES])
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, value, CGROUP_VALUE_BYTES - 1);

	value[n > 0 ? n : 0] = '\0';
}

int cgroup_update(int dir_fd, const char *const *words, uint32_t count, struct err *e)
{
	struct guest_pair next;
	char old[CGROUP_VALUE_BYTES];
	struct err ignored;
	int r;

	if (count < 2)
		return 0;
	next = (struct guest_pair){.name = words[0], .value = words[1]};
	cgroup_read_value(dir_fd, next.name, old);
	r = cgroup_write(dir_fd, &next, e);
	if (r < 0)
		return r;
	r = cgroup_update(dir_fd, words + 2, count - 2, e);
	if (r < 0 && *old) {
		const struct guest_pair back = {.name = next.name, .value = old};

		(void)!cgroup_write(dir_fd, &back, &ignored);
	}
	return r;
}

/* 0 or -errno: it is told through a pipe. nsdelegate: a container that may write to its cgroups may
 * not write to its own limits. */
static int cgroup_mount(void)
{
	int r;

	if (mount("cgroup", MACHINE_CGROUP_DIR, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "nsdelegate"))
		return -errno;
	r = cgroup_enable_controllers();
	if (r < 0)
		return r;
	return mkdir(CGROUP_CHILD, 0755) < 0 ? -errno : 0;
}

void cgroup_begin(void)
{
	int ends[2];
	int r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		machine_die("cgroup: pipe: errno %d", errno);
	switch (fork()) {
	case -1:
		machine_die("cgroup: fork: errno %d", errno);
	case 0:
		r = cgroup_mount();
		_exit(fd_write_all(ends[1], &r, sizeof(r)) < 0);
	default:
		close(ends[1]);
		cgroup_begun = ends[0];
	}
}

/* What cgroup_begin() has come to. 0 or -errno. */
static int cgroup_wait(void)
{
	int told;
	ssize_t n = fd_read_all(cgroup_begun, &told, sizeof(told));

	fd_close(&cgroup_begun);
	if (n < 0)
		return (int)n;
	return n == sizeof(told) ? told : -EIO;
}

int cgroup_make(const struct guest_container *c, int *ret_fd, struct err *e)
{
	auto_close int fd = -1;
	int r = cgroup_wait();

	if (r < 0)
		return err_sys(e, r, "guest: mounting cgroup2 and enabling its controllers");
	fd = open(CGROUP_CHILD, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "guest: the container's cgroup");
	for (uint32_t i = 0; !r && i < c->cgroup_files.count; i++)
		r = cgroup_write(fd, &c->cgroup_files.at[i], e);
	if (!r)
		*ret_fd = take_fd(fd);
	return r;
}
