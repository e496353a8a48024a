/* An OOM event on the host for one that happened in a guest.
 *
 * Engines learn of it from the kernel: an eventfd on memory.oom_control (v1) or memory.events (v2)
 * of the container's cgroup. Nobody but the kernel can make either of them fire, and only for a
 * kill that really happened: so one does, of a child that has nothing else to do. Must not be used
 * while the VM still needs memory. */
#include "runtime/cgroup/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define OOM_ROOM_BYTES	 (2u << 20)  /* above what is in use: the child gets as far as its loop */
#define OOM_DEMAND_BYTES (64u << 20) /* what it then asks for */

int cgroup_oom_open(const struct cgroup_host *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const char *names = h->at[i].controllers;

		if (h->is_v2 ? !*names : strstr(names, "memory") != NULL)
			return open(h->at[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

static int oom_set_limit(int dirfd, unsigned long long bytes)
{
	auto_close int v1 = openat(dirfd, "memory.limit_in_bytes", O_WRONLY | O_CLOEXEC);
	auto_close int v2 = openat(dirfd, "memory.max", O_WRONLY | O_CLOEXEC);
	char text[32];
	int size = snprintf(text, sizeof(text), "%llu", bytes);

	if (v1 < 0 && v2 < 0)
		return -errno;
	return fd_write_all(v1 >= 0 ? v1 : v2, text, (size_t)size);
}

static unsigned long long oom_usage(int dirfd)
{
	auto_free char *text = NULL;

	if (fd_read_file(dirfd, "memory.usage_in_bytes", 64, &text, NULL) < 0 &&
	    fd_read_file(dirfd, "memory.current", 64, &text, NULL) < 0)
		return 0;
	return strtoull(text, NULL, 10);
}

/* Locked, so that it cannot be swapped out in place of the kill. */
_Noreturn static void oom_demand(void)
{
	char *at;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	at = mmap(NULL, OOM_DEMAND_BYTES, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_NORESERVE, -1, 0);
	if (at != MAP_FAILED)
		memset(at, 1, OOM_DEMAND_BYTES);
	_exit(0);
}

int cgroup_oom_raise(int memory_dirfd)
{
	unsigned long long usage = oom_usage(memory_dirfd);
	int status = 0;
	pid_t pid;
	int r;

	if (memory_dirfd < 0 || !usage)
		return -ENOENT;
	/* The kernel's choice among ours must be the child: its score is inherited from here. */
	auto_close int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (score < 0 || fd_write_all(score, "1000", 4) < 0)
		return -EPERM;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		r = oom_set_limit(memory_dirfd, usage + OOM_ROOM_BYTES);
		if (r < 0)
			_exit(1);
		oom_demand();
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -EAGAIN;
}
