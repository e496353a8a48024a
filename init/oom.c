/* The count of OOM kills in memory.events of the container's cgroup. Must not kill anybody. */
#include "init/oom.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "init/control.h"
#include "init/loop.h"

#define OOM_EVENTS_BYTES 512

static struct {
	struct loop_source source;
	uint64_t told;
} oom = {.source.fd = -1};

static uint64_t oom_count(void)
{
	char text[OOM_EVENTS_BYTES];
	ssize_t n = pread(oom.source.fd, text, sizeof(text) - 1, 0);
	const char *line;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, "oom_kill ");
	return line ? strtoull(line + strlen("oom_kill "), NULL, 10) : 0;
}

void oom_report(void)
{
	uint64_t count = oom.source.fd < 0 ? 0 : oom_count();

	if (count <= oom.told)
		return;
	oom.told = count;
	control_send_oom(count);
}

static void oom_on_event(struct loop_source *s, uint32_t events)
{
	(void)s;
	(void)events;
	oom_report();
}

void oom_watch(int cgroup_fd)
{
	int fd = openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);

	/* Reading it is what makes the next change an event. */
	if (fd < 0)
		return;
	loop_add(&oom.source, fd, EPOLLPRI, oom_on_event);
	oom.told = oom_count();
}
