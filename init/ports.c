/* The virtio-serial ports, found by name. Must not read from or write to a port.
 *
 * A table of names, kept up to date by the kernel's events: exec sessions come with ports of their
 * own, and looking through all of sysfs for each would grow with their square.
 *
 * Subscribe first, look second, wait third: a port that appears between looking and waiting has
 * left an event in the socket. */
#include "init/ports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/loop.h"
#include "init/machine.h"
#include "lib/fd.h"

#define PORTS_CLASS_DIR	   "/sys/class/virtio-ports"
#define PORTS_KERNEL_GROUP 1
#define PORTS_MAX	   512 /* more than QEMU can have on the busses there are */
#define PORTS_DEVICE_BYTES 16  /* "vport0p30" */
#define PORTS_NAME_BYTES   64
#define PORTS_EVENT_BYTES  4096
#define PORTS_QUEUE_BYTES  (1 << 20) /* events of many sessions that begin at once */

static struct ports_entry {
	char device[PORTS_DEVICE_BYTES]; /* "": a free entry */
	char name[PORTS_NAME_BYTES];
} ports_table[PORTS_MAX];

static int ports_events = -1;
static struct loop_source ports_source = {.fd = -1};
static void (*ports_on_named)(void);

/* Reads the port's name. False: the device is there, its name is not yet. */
static bool ports_read_name(const char *device, char name[PORTS_NAME_BYTES])
{
	char path[sizeof(PORTS_CLASS_DIR) + PORTS_DEVICE_BYTES + sizeof("/name")];
	auto_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), PORTS_CLASS_DIR "/%s/name", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, PORTS_NAME_BYTES - 1);
	if (n <= 0)
		return false;
	name[n - (name[n - 1] == '\n')] = '\0';
	return true;
}

/* The device's entry, or a free one. */
static struct ports_entry *ports_entry(const char *device)
{
	struct ports_entry *unused = NULL;

	for (int i = 0; i < PORTS_MAX; i++) {
		if (!strcmp(ports_table[i].device, device))
			return &ports_table[i];
		if (!unused && !ports_table[i].device[0])
			unused = &ports_table[i];
	}
	if (!unused)
		machine_die("more ports than %d", PORTS_MAX);
	return unused;
}

/* Puts the device's name, as it is now, into the table. True when it has one. */
static bool ports_note(const char *device)
{
	struct ports_entry *entry;

	if (strlen(device) >= PORTS_DEVICE_BYTES)
		return false;
	entry = ports_entry(device);
	entry->device[0] = '\0';
	if (!ports_read_name(device, entry->name))
		return false;
	strcpy(entry->device, device);
	return true;
}

static void ports_look(void)
{
	DIR *dir = opendir(PORTS_CLASS_DIR);
	struct dirent *entry;

	memset(ports_table, 0, sizeof(ports_table));
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			ports_note(entry->d_name);
	}
	/* No such directory: the driver has not met its device yet. */
	if (dir)
		closedir(dir);
}

/* The value of KEY= in an event, which is a sequence of strings. */
static const char *ports_event_value(const char *event, size_t size, const char *key)
{
	size_t key_size = strlen(key);

	for (const char *at = event; at < event + size; at += strlen(at) + 1) {
		if (!strncmp(at, key, key_size))
			return at + key_size;
	}
	return NULL;
}

/* Takes one event, waiting for it or not. 1: some port may have got a name, 0: something else, -1:
 * there is none now. */
static int ports_take_event(int flags)
{
	char event[PORTS_EVENT_BYTES + 1];
	ssize_t n = recv(ports_events, event, sizeof(event) - 1, flags);
	const char *subsystem;
	const char *device;

	if (n < 0 && errno == ENOBUFS) {
		/* Announcements were lost. */
		ports_look();
		return 1;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		machine_die("kernel events: errno %d", errno);
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	event[n] = '\0';
	subsystem = ports_event_value(event, (size_t)n, "SUBSYSTEM=");
	device = ports_event_value(event, (size_t)n, "DEVNAME=");
	if (!subsystem || !device || strcmp(subsystem, "virtio-ports"))
		return 0;
	return ports_note(device);
}

void ports_init(void)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK, .nl_groups = PORTS_KERNEL_GROUP};
	int size = PORTS_QUEUE_BYTES;

	ports_events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (ports_events < 0 || bind(ports_events, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		machine_die("kernel events: errno %d", errno);
	/* A smaller one only means that all have to be looked through now and then. */
	(void)setsockopt(ports_events, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	ports_look();
}

int ports_try_open(const char *name)
{
	for (int i = 0; i < PORTS_MAX; i++) {
		char path[sizeof("/dev/") + PORTS_DEVICE_BYTES];
		int fd;

		if (!ports_table[i].device[0] || strcmp(ports_table[i].name, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", ports_table[i].device);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

int ports_open(const char *name)
{
	int fd;

	while ((fd = ports_try_open(name)) == -ENOENT)
		ports_take_event(0);
	if (fd < 0)
		machine_die("opening port %s: errno %d", name, -fd);
	return fd;
}

static void ports_on_event(struct loop_source *s, uint32_t events)
{
	bool is_named = false;
	int r;

	(void)s;
	(void)events;
	while ((r = ports_take_event(MSG_DONTWAIT)) >= 0)
		is_named = is_named || r > 0;
	if (is_named)
		ports_on_named();
}

void ports_watch(void (*on_named)(void))
{
	ports_on_named = on_named;
	loop_add(&ports_source, ports_events, EPOLLIN, ports_on_event);
}
