/* The virtio-serial ports, found by name. Must not read from or write to a port.
 *
 * Subscribe first, look second, wait third: a port that appears between looking and waiting has
 * left an event in the socket. */
#include "init/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/machine.h"
#include "lib/fd.h"

#define PORTS_CLASS_DIR	   "/sys/class/virtio-ports"
#define PORTS_KERNEL_GROUP 1
#define PORTS_NAME_BYTES   64
#define PORTS_EVENT_BYTES  4096

static int ports_events = -1;

void ports_init(void)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK, .nl_groups = PORTS_KERNEL_GROUP};

	ports_events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (ports_events < 0 || bind(ports_events, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		machine_die("kernel events: errno %d", errno);
}

void ports_done(void)
{
	fd_close(&ports_events);
}

static int ports_has_name(int class_fd, const char *device, const char *name)
{
	char path[NAME_MAX + sizeof("/name")];
	char text[PORTS_NAME_BYTES];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/name", device);
	fd = openat(class_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* the device is there, its name is not yet */
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n - (text[n - 1] == '\n')] = '\0';
	return !strcmp(text, name);
}

/* Writes the device file's path. 1 when there is such a port. */
static int ports_find(const char *name, char *path, size_t room)
{
	DIR *dir = opendir(PORTS_CLASS_DIR);
	struct dirent *entry;
	int is_found = 0;

	if (!dir)
		return 0; /* the driver has not met its device yet */
	while (!is_found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		is_found = ports_has_name(dirfd(dir), entry->d_name, name);
		if (is_found)
			snprintf(path, room, "/dev/%.*s", PORTS_NAME_BYTES, entry->d_name);
	}
	closedir(dir);
	return is_found;
}

/* Blocks until the kernel has announced something about ports, or lost announcements. */
static void ports_wait(void)
{
	char event[PORTS_EVENT_BYTES];

	for (;;) {
		ssize_t n = recv(ports_events, event, sizeof(event), 0);

		if (n < 0 && errno == ENOBUFS)
			return;
		if (n < 0 && errno != EINTR)
			machine_die("kernel events: errno %d", errno);
		if (n > 0 && memmem(event, (size_t)n, "SUBSYSTEM=virtio-ports", 22))
			return;
	}
}

int ports_open(const char *name)
{
	char path[PORTS_NAME_BYTES + 8];
	int fd;

	while (!ports_find(name, path, sizeof(path)))
		ports_wait();
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		machine_die("opening port %s: errno %d", name, errno);
	return fd;
}
