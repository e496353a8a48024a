/* Numbers and texts written to where the kernel takes them. Must not decide any of them. */
#include "init/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/wording.h"
#include "lib/fd.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* musl's sched.h has none */
#endif
#define SETTINGS_IOPRIO_WHO_PROCESS 1
#define SETTINGS_PATH_BYTES	    320

/* The kernel's struct sched_attr, version 0. */
struct settings_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

int settings_apply_process(const struct guest_process *p, struct err *e)
{
	const struct guest_scheduler *s = &p->scheduler;
	struct settings_sched_attr attr = {
		.size = sizeof(attr),
		.policy = s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = (uint32_t)s->priority,
		.runtime_ns = s->runtime_ns,
		.deadline_ns = s->deadline_ns,
		.period_ns = s->period_ns,
	};

	if (p->has_scheduler && syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return err_set(e, -errno, "error setting scheduler: %s", wording_errno(errno));
	if (p->has_io_priority &&
	    syscall(SYS_ioprio_set, SETTINGS_IOPRIO_WHO_PROCESS, 0, p->io_priority) < 0)
		return err_set(e, -errno, "failed to set io priority: %s", wording_errno(errno));
	return 0;
}

static int settings_write(const char *path, const char *value)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, value, strlen(value));
}

/* A process can only enter a time namespace it has set up while it is outside. */
static int settings_enter_time(const struct guest_container *c, struct err *e)
{
	auto_close int fd = -1;
	int r;

	if (!(c->namespaces & CLONE_NEWTIME))
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(e, -errno, "unable to unshare time namespace: %s",
			       wording_errno(errno));
	r = c->time_offsets ? settings_write("/proc/self/timens_offsets", c->time_offsets) : 0;
	if (r < 0)
		return err_set(e, r, "failed to update /proc/self/timens_offsets: %s",
			       wording_errno(-r));
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return err_set(e, -errno, "joining the time namespace: %s", wording_errno(errno));
	return 0;
}

int settings_apply_personality(const struct guest_container *c, struct err *e)
{
	if (c->has_personality && personality((unsigned long)c->personality) < 0)
		return err_set(e, -errno, "setting the personality: %s", wording_errno(errno));
	return 0;
}

int settings_apply_container(const struct guest_container *c, struct err *e)
{
	char path[SETTINGS_PATH_BYTES];
	int r = settings_enter_time(c, e);

	if (r < 0)
		return r;
	r = settings_apply_personality(c, e);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < c->sysctls.count; i++) {
		const struct guest_pair *p = &c->sysctls.at[i];

		if (snprintf(path, sizeof(path), "/proc/sys/%s", p->name) >= (int)sizeof(path))
			return err_set(e, -ENAMETOOLONG, "write sysctl key %s: name too long",
				       p->name);
		r = settings_write(path, p->value);
		if (r < 0)
			return err_set(e, r, "write sysctl key %s: open %s: %s", p->name, path,
				       wording_errno(-r));
	}
	return 0;
}
