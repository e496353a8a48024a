/* NICs by slot, shown and hidden by binding their driver. Must not configure them. */
#include "init/nics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

#define NICS_DRIVER_DIR	 "/sys/bus/virtio/drivers/virtio_net"
#define NICS_DEVICE_DIR	 "/sys/bus/virtio/devices"
#define NICS_MAX	 8
#define NICS_DEVICE_MAX	 24 /* "virtioN" */
#define NICS_ADDRESS_LEN 17 /* "02:76:6d:72:74:00" */

static struct {
	bool is_known;
	struct {
		char device[NICS_DEVICE_MAX]; /* empty: no such NIC */
		bool is_bound;
	} at[NICS_MAX];
} nics;

/* The only interface of a device. */
static int nics_interface(const char *device, char name[NETWORK_NAME_BYTES])
{
	char path[128];
	struct dirent *entry;
	int r = -ENODEV;
	DIR *dir;

	snprintf(path, sizeof(path), NICS_DEVICE_DIR "/%.*s/net", NICS_DEVICE_MAX, device);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (r < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= NETWORK_NAME_BYTES)
			continue;
		strcpy(name, entry->d_name);
		r = 0;
	}
	closedir(dir);
	return r;
}

/* The slot is the last byte of the MAC that the device was made with. */
static void nics_take(const char *device)
{
	static const char prefix[] = "02:76:6d:72:74:";
	char name[NETWORK_NAME_BYTES];
	char path[160];
	char text[NICS_ADDRESS_LEN + 1] = "";
	auto_close int fd = -1;
	unsigned int slot;

	if (strlen(device) >= NICS_DEVICE_MAX || nics_interface(device, name) < 0)
		return;
	snprintf(path, sizeof(path), NICS_DEVICE_DIR "/%.*s/net/%s/address", NICS_DEVICE_MAX,
		 device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, NICS_ADDRESS_LEN) != NICS_ADDRESS_LEN ||
	    strncmp(text, prefix, sizeof(prefix) - 1) != 0 ||
	    sscanf(text + sizeof(prefix) - 1, "%x", &slot) != 1 || slot >= NICS_MAX)
		return;
	strcpy(nics.at[slot].device, device);
	nics.at[slot].is_bound = true;
}

static void nics_find(void)
{
	DIR *dir = opendir(NICS_DRIVER_DIR);
	struct dirent *entry;

	nics.is_known = true;
	if (!dir)
		return; /* no driver: no NICs */
	while ((entry = readdir(dir))) {
		if (!strncmp(entry->d_name, "virtio", 6))
			nics_take(entry->d_name);
	}
	closedir(dir);
}

static int nics_bind(unsigned int slot, bool is_wanted)
{
	const char *device = nics.at[slot].device;
	auto_close int fd = -1;
	int r;

	fd = open(is_wanted ? NICS_DRIVER_DIR "/bind" : NICS_DRIVER_DIR "/unbind",
		  O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, device, strlen(device));
	if (r == 0)
		nics.at[slot].is_bound = is_wanted;
	return r;
}

int nics_show(uint32_t slots)
{
	if (!nics.is_known)
		nics_find();
	for (unsigned int i = 0; i < NICS_MAX; i++) {
		bool is_wanted = slots & (UINT32_C(1) << i);
		int r;

		if (!nics.at[i].device[0] || nics.at[i].is_bound == is_wanted)
			continue;
		r = nics_bind(i, is_wanted);
		if (r < 0)
			return r;
	}
	return 0;
}

int nics_name(uint8_t slot, char ret_name[NETWORK_NAME_BYTES])
{
	if (slot >= NICS_MAX || !nics.at[slot].device[0])
		return -ENODEV;
	return nics_interface(nics.at[slot].device, ret_name);
}
