/*
 * hold.c: devices of the type virtio.hold= names get no driver before they are bound by hand
 * (patches/0008). The type here is that of the random number generator, which is bound to nothing
 * else.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/virtio/devices"
#define HOLD	"/sys/module/virtio/parameters/hold"
#define BIND	"/sys/bus/virtio/drivers/virtio_rng/bind"

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool is_done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return is_done;
}

static bool is_rng(const char *device)
{
	char path[300], type[16] = "";
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/device", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, type, sizeof(type) - 1) < 0)
		type[0] = '\0';
	close(fd);
	return strcmp(type, "0x0004\n") == 0;
}

static bool find_rng(char *name, size_t room)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	bool is_found = false;

	while (dir && !is_found && (entry = readdir(dir))) {
		is_found = entry->d_name[0] != '.' && is_rng(entry->d_name);
		if (is_found)
			snprintf(name, room, "%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return is_found;
}

void test_hold(void)
{
	char device[256] = "", driver[300];

	tap_result(find_rng(device, sizeof(device)), "hold: the device is there");
	snprintf(driver, sizeof(driver), DEVICES "/%s/driver", device);
	tap_result(access(driver, F_OK) < 0, "hold: it has no driver");
	tap_result(!write_text(BIND, device), "hold: it cannot be bound while it is held");
	tap_result(write_text(HOLD, "0"), "hold: holding can be ended");
	tap_result(write_text(BIND, device) && access(driver, F_OK) == 0,
		   "hold: then it can be bound");
}
