/* NICs by slot, shown and hidden by binding their driver. Must not configure them.
 *
 * Hiding one that was shown takes the kernel 80 ms; so ours makes no interface of any before it is
 * told to (virtio.hold, patches/0008). */
#include "init/nics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"

#define NICS_DRIVER_DIR	 "/sys/bus/virtio/drivers/virtio_net"
#define NICS_DEVICE_DIR	 "/sys/bus/virtio/devices"
#define NICS_HOLD	 "/sys/module/virtio/parameters/hold"
#define NICS_DEVICE_TYPE "0x0001\n" /* VIRTIO_ID_NET */
#define NICS_MAX	 8
#define NICS_DEVICE_MAX	 24 /* "virtioN" */
#define NICS_ADDRESS_LEN 17 /* "02:76:6d:72:74:00" */
#define NICS_NO_SLOT	 NICS_MAX

struct nic {
	char device[NICS_DEVICE_MAX];
	unsigned int number; /* of the device: they are met in the order of the slots */
	unsigned int slot;   /* NICS_NO_SLOT: not known before it has had a driver */
	bool is_bound;
};

static struct {
	bool is_known;
	size_t count;
	struct nic at[NICS_MAX];
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
static unsigned int nics_read_slot(const char *device)
{
	static const char prefix[] = "02:76:6d:72:74:";
	char name[NETWORK_NAME_BYTES];
	char path[160];
	char text[NICS_ADDRESS_LEN + 1] = "";
	auto_close int fd = -1;
	unsigned long slot;

	if (nics_interface(device, name) < 0)
		return NICS_NO_SLOT;
	snprintf(path, sizeof(path), NICS_DEVICE_DIR "/%.*s/net/%s/address", NICS_DEVICE_MAX,
		 device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, NICS_ADDRESS_LEN) != NICS_ADDRESS_LEN ||
	    strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return NICS_NO_SLOT;
	slot = strtoul(text + sizeof(prefix) - 1, NULL, 16);
	return slot < NICS_MAX ? (unsigned int)slot : NICS_NO_SLOT;
}

static bool nics_is_nic(const char *device)
{
	char path[80];
	char text[16] = "";
	auto_close int fd = -1;

	snprintf(path, sizeof(path), NICS_DEVICE_DIR "/%.*s/device", NICS_DEVICE_MAX, device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strcmp(text, NICS_DEVICE_TYPE);
}

/* Keeps the list in the order of the devices' numbers. */
static void nics_take(const char *device)
{
	struct nic nic = {0};
	size_t at = nics.count;

	if (nics.count == NICS_MAX || strlen(device) >= NICS_DEVICE_MAX ||
	    strncmp(device, "virtio", 6) != 0 || !nics_is_nic(device))
		return;
	nic.number = (unsigned int)strtoul(device + 6, NULL, 10);
	strcpy(nic.device, device);
	nic.slot = nics_read_slot(device);
	nic.is_bound = nic.slot != NICS_NO_SLOT;
	for (; at > 0 && nics.at[at - 1].number > nic.number; at--)
		nics.at[at] = nics.at[at - 1];
	nics.at[at] = nic;
	nics.count++;
}

static void nics_find(void)
{
	DIR *dir = opendir(NICS_DEVICE_DIR);
	struct dirent *entry;
	auto_close int hold = open(NICS_HOLD, O_WRONLY | O_CLOEXEC);

	nics.is_known = true;
	/* Our kernel was told to leave them alone; others have made interfaces of all. */
	if (hold >= 0 && fd_write_all(hold, "0", 1) < 0)
		return;
	while (dir && (entry = readdir(dir)))
		nics_take(entry->d_name);
	if (dir)
		closedir(dir);
}

static int nics_bind(struct nic *nic, bool is_wanted)
{
	auto_close int fd = -1;
	int r;

	fd = open(is_wanted ? NICS_DRIVER_DIR "/bind" : NICS_DRIVER_DIR "/unbind",
		  O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, nic->device, strlen(nic->device));
	if (r < 0)
		return r;
	nic->is_bound = is_wanted;
	if (is_wanted)
		nic->slot = nics_read_slot(nic->device);
	return 0;
}

static struct nic *nics_of_slot(unsigned int slot)
{
	for (size_t i = 0; i < nics.count; i++) {
		if (nics.at[i].slot == slot)
			return &nics.at[i];
	}
	return NULL;
}

/* Gives the slot's NIC its driver. Which one that is shows only afterwards; the order is a good
 * guess, and a wrong one is taken back by nics_show(). */
static int nics_show_slot(unsigned int slot)
{
	struct nic *nic = nics_of_slot(slot);
	int r = 0;

	if (nic)
		return nic->is_bound ? 0 : nics_bind(nic, true);
	for (size_t i = 0; r == 0 && i < nics.count && !nics_of_slot(slot); i++) {
		nic = &nics.at[(slot + i) % nics.count];
		if (nic->slot == NICS_NO_SLOT)
			r = nics_bind(nic, true);
	}
	return r == 0 && !nics_of_slot(slot) ? -ENODEV : r;
}

int nics_show(uint32_t slots)
{
	int r = 0;

	if (!nics.is_known)
		nics_find();
	for (unsigned int slot = 0; r == 0 && slot < NICS_MAX; slot++) {
		if (slots & (UINT32_C(1) << slot))
			r = nics_show_slot(slot);
	}
	for (size_t i = 0; r == 0 && i < nics.count; i++) {
		struct nic *nic = &nics.at[i];

		if (nic->is_bound && !(slots & (UINT32_C(1) << nic->slot)))
			r = nics_bind(nic, false);
	}
	return r;
}

int nics_name(uint8_t slot, char ret_name[NETWORK_NAME_BYTES])
{
	const struct nic *nic = nics_of_slot(slot);

	return nic && nic->is_bound ? nics_interface(nic->device, ret_name) : -ENODEV;
}
