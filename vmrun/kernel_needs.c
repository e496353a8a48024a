/* The table of what a VM needs of its kernel. Pure: must not read files. */
#include "vmrun/kernel_needs.h"

#include <stdio.h>
#include <string.h>

static const struct {
	unsigned int needs;
	const char *symbol;
	const char *module; /* NULL: it is no tristate */
	const char *purpose;
} needs_table[] = {
	{KERNEL_NEED_ALWAYS | KERNEL_NEED_INITRD, "BLK_DEV_INITRD", NULL, "vmrt's init"},
	{KERNEL_NEED_SERIAL, "SERIAL_8250_CONSOLE", NULL, "the console"},
	{KERNEL_NEED_ALWAYS, "DEVTMPFS", NULL, "/dev"},
	{KERNEL_NEED_ALWAYS, "PROC_FS", NULL, "/proc"},
	{KERNEL_NEED_ALWAYS, "SYSFS", NULL, "/sys"},
	{KERNEL_NEED_ALWAYS, "TMPFS", NULL, "/run"},
	{KERNEL_NEED_ALWAYS, "UNIX98_PTYS", NULL, "terminals"},
	{KERNEL_NEED_ALWAYS, "POSIX_MQUEUE", NULL, "/dev/mqueue"},
	{KERNEL_NEED_ALWAYS, "CGROUPS", NULL, "vmrt's init"},
	{KERNEL_NEED_ALWAYS, "UTS_NS", NULL, "the host's name"},
	{KERNEL_NEED_ALWAYS, "EPOLL", NULL, "vmrt's init"},
	{KERNEL_NEED_ALWAYS, "SIGNALFD", NULL, "vmrt's init"},
	{KERNEL_NEED_ALWAYS, "UNIX", "unix", "vmrt's init"},
	{KERNEL_NEED_PCI, "VIRTIO_PCI", "virtio_pci", "all devices"},
	{KERNEL_NEED_MMIO, "VIRTIO_MMIO", "virtio_mmio", "all devices"},
	{KERNEL_NEED_MMIO, "VIRTIO_MMIO_CMDLINE_DEVICES", NULL, "all devices"},
	{KERNEL_NEED_ALWAYS, "VIRTIO_CONSOLE", "virtio_console", "standard streams"},
	{KERNEL_NEED_ALWAYS, "VIRTIO_FS", "virtiofs", "the host's files"},
	{KERNEL_NEED_OVERLAY, "OVERLAY_FS", "overlay", "changes that vanish"},
	{KERNEL_NEED_OVERLAY, "TMPFS_XATTR", NULL, "changes that vanish"},
	{KERNEL_NEED_NET, "VIRTIO_NET", "virtio_net", "--net"},
	{KERNEL_NEED_DISK, "VIRTIO_BLK", "virtio_blk", "--disk"},
};

#define NEEDS_COUNT (sizeof(needs_table) / sizeof(needs_table[0]))

/* "CONFIG_X=y", "CONFIG_X=m", else it is not set. */
static enum kernel_support needs_in_config(const char *config, const char *symbol)
{
	char line[80];
	int size = snprintf(line, sizeof(line), "\nCONFIG_%s=", symbol);
	const char *at =
		!strncmp(config, line + 1, (size_t)size - 1) ? config - 1 : strstr(config, line);

	if (!at)
		return KERNEL_SUPPORT_MISSING;
	if (at[size] == 'm')
		return KERNEL_SUPPORT_MODULE;
	return at[size] == 'y' ? KERNEL_SUPPORT_BUILTIN : KERNEL_SUPPORT_MISSING;
}

enum kernel_support kernel_support_of(const struct kernel_facts *facts, const char *symbol,
				      const char *module)
{
	enum kernel_support said =
		facts->config ? needs_in_config(facts->config, symbol) : KERNEL_SUPPORT_UNKNOWN;

	if (said == KERNEL_SUPPORT_BUILTIN || said == KERNEL_SUPPORT_MISSING || !module)
		return said;
	if (facts->find_module)
		return facts->find_module(facts->arg, module);
	/* As a module that is nowhere. */
	return said == KERNEL_SUPPORT_MODULE ? KERNEL_SUPPORT_MISSING : said;
}

enum kernel_support kernel_needs_bus(const struct kernel_facts *facts, enum kernel_need bus)
{
	enum kernel_support result = KERNEL_SUPPORT_BUILTIN;

	for (size_t i = 0; i < NEEDS_COUNT; i++) {
		enum kernel_support one;

		if (needs_table[i].needs != (unsigned int)bus)
			continue;
		one = kernel_support_of(facts, needs_table[i].symbol, needs_table[i].module);
		if (one == KERNEL_SUPPORT_MISSING)
			return one;
		if (one == KERNEL_SUPPORT_UNKNOWN)
			result = one;
	}
	return result;
}

void kernel_needs_list(const struct kernel_facts *facts, unsigned int needs, struct strv *modules,
		       struct strv *missing)
{
	for (size_t i = 0; i < NEEDS_COUNT; i++) {
		enum kernel_support has;

		if (!(needs_table[i].needs & needs))
			continue;
		has = kernel_support_of(facts, needs_table[i].symbol, needs_table[i].module);
		if (has == KERNEL_SUPPORT_MODULE)
			strv_push(modules, needs_table[i].module);
		else if (has == KERNEL_SUPPORT_MISSING)
			strv_pushf(missing, "CONFIG_%s (%s)", needs_table[i].symbol,
				   needs_table[i].purpose);
	}
}
