/* An OOM event on the host for one that happened in a guest.
 *
 * Engines learn of it from the kernel: an eventfd on memory.oom_control (v1) or memory.events (v2)
 * of the container's cgroup. Nobody but the kernel can make either of them fire, and only for a
 * kill that really happened: so one does, of a child that has nothing else to do. Must not know
 * who else is in the cgroup, nor stop them. */
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
#include "runtime/proc/spawn.h"
#include "runtime/sandbox/jail.h"

#define OOM_LIMIT_V1	 "memory.limit_in_bytes"
#define OOM_LIMIT_V2	 "memory.max"
#define OOM_SWAP_V1	 "memory.swappiness"
#define OOM_SWAP_V2	 "memory.swap.max"
#define OOM_STAT_BYTES	 (64u << 10)
#define OOM_PATIENCE_S	 5
#define OOM_SHOW_BYTES	 (1u << 20)
#define OOM_SHOW_SPARE	 (32u << 20) /* kernels count page tables, caches of counters, ... */
#define OOM_ROOM_BYTES	 (2u << 20)  /* above what is in use: the child gets as far as its loop */
#define OOM_DEMAND_BYTES (64u << 20) /* what it then asks for, beside what can be reclaimed */

int cgroup_oom_open(const struct cgroup_host *h)
{
	for (size_t i = 0; i < h->count; i++) {
		const char *names = h->at[i].controllers;

		if (h->is_v2 ? !*names : strstr(names, "memory") != NULL)
			return jail_open_dir(h->at[i].path, -1);
	}
	return -1;
}

static char *oom_read(int dirfd, const char *v1, const char *v2)
{
	char *text = NULL;

	if (fd_read_file(dirfd, v1, OOM_STAT_BYTES, &text, NULL) < 0 &&
	    fd_read_file(dirfd, v2, OOM_STAT_BYTES, &text, NULL) < 0)
		return NULL;
	return text;
}

static int oom_write(int dirfd, const char *v1, const char *v2, const char *text)
{
	auto_close int fd = openat(dirfd, v1, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		fd = openat(dirfd, v2, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static unsigned long long oom_stat(const char *stat, const char *line)
{
	const char *at = stat ? strstr(stat, line) : NULL;

	return at ? strtoull(at + strlen(line), NULL, 10) : 0;
}

/* Files of the host that the share has read: they go first when memory is short. */
static unsigned long long oom_cache(int dirfd)
{
	auto_free char *stat = oom_read(dirfd, "memory.stat", "memory.stat");

	return oom_stat(stat, "\ninactive_file ") + oom_stat(stat, "\nactive_file ");
}

struct oom_demand {
	int dirfd;
	size_t show_bytes;
	char limit[CGROUP_OOM_TEXT_BYTES];
	size_t bytes;
};

/* The kernel chooses by resident size, a score of 1000 counting as much as the cgroup's limit. What
 * a rival has mapped of files is charged elsewhere and comes on top: so the victim is made to look
 * large, by mapping the same memory again and again. */
static void oom_look_large(size_t bytes)
{
	auto_close int fd = memfd_create("oom", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, OOM_SHOW_BYTES) < 0)
		return;
	for (size_t done = 0; done < bytes; done += OOM_SHOW_BYTES) {
		if (mmap(NULL, OOM_SHOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			 fd, 0) == MAP_FAILED)
			return;
	}
}

/* Locked, so that it cannot be swapped out in place of the kill. */
static int oom_demand(void *arg)
{
	const struct oom_demand *d = arg;
	auto_close int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	sigset_t none;
	char *at;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Somebody may have forbidden the kernel to kill in this cgroup: it would wait for ever. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(OOM_PATIENCE_S);
	oom_look_large(d->show_bytes);
	/* The kernel's choice among those in the cgroup must be this process. */
	if (score < 0 || fd_write_all(score, "1000", 4) < 0 ||
	    oom_write(d->dirfd, OOM_LIMIT_V1, OOM_LIMIT_V2, d->limit) < 0)
		return EXIT_FAILURE;
	at = mmap(NULL, d->bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_NORESERVE, -1, 0);
	if (at != MAP_FAILED)
		memset(at, 1, d->bytes);
	return EXIT_SUCCESS;
}

static void oom_keep(char to[CGROUP_OOM_TEXT_BYTES], const char *text)
{
	snprintf(to, CGROUP_OOM_TEXT_BYTES, "%.*s", text ? (int)strcspn(text, "\n") : 0,
		 text ? text : "");
}

static int oom_restore(int dirfd, const struct cgroup_oom *o)
{
	if (*o->swapping)
		(void)oom_write(dirfd, OOM_SWAP_V1, OOM_SWAP_V2, o->swapping);
	return oom_write(dirfd, OOM_LIMIT_V1, OOM_LIMIT_V2, o->limit);
}

int cgroup_oom_begin(int memory_dirfd, uint64_t rival_bytes, struct cgroup_oom *ret)
{
	auto_free char *usage = oom_read(memory_dirfd, "memory.usage_in_bytes", "memory.current");
	auto_free char *limit = oom_read(memory_dirfd, OOM_LIMIT_V1, OOM_LIMIT_V2);
	auto_free char *swapping = oom_read(memory_dirfd, OOM_SWAP_V1, OOM_SWAP_V2);
	struct oom_demand demand = {.dirfd = memory_dirfd,
				    .bytes = OOM_DEMAND_BYTES + oom_cache(memory_dirfd)};
	unsigned long long used = usage ? strtoull(usage, NULL, 10) : 0;
	struct err e;
	int r;

	if (!used || !limit)
		return -ENOENT;
	demand.show_bytes = (rival_bytes > used ? rival_bytes - used : 0) + OOM_SHOW_SPARE;
	snprintf(demand.limit, sizeof(demand.limit), "%llu", used + OOM_ROOM_BYTES);
	*ret = (struct cgroup_oom){0};
	oom_keep(ret->limit, limit);
	/* Or the others' memory would be swapped out in place of the kill. */
	if (oom_write(memory_dirfd, OOM_SWAP_V1, OOM_SWAP_V2, "0") == 0)
		oom_keep(ret->swapping, swapping);
	r = spawn_monitor(0, oom_demand, &demand, &ret->victim, NULL, &e);
	if (r < 0)
		oom_restore(memory_dirfd, ret);
	return r;
}

int cgroup_oom_end(int memory_dirfd, struct cgroup_oom *o, int status)
{
	int r = oom_restore(memory_dirfd, o);

	o->victim = 0;
	if (r < 0)
		return r;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -EAGAIN;
}
