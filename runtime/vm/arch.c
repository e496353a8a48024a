/* The machines a VM can be, for each architecture the usual one first, and where their QEMU is.
 * Data and look-ups only.
 *
 * Sources: measured boots of QEMU 7.2 and 10.0 (docs/ARCHITECTURE.md). Must not build arguments. */
#include "runtime/vm/vm.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* vhost-user back ends speak virtio 1.0 only; virtio-mmio's default is the draft before it. */
static const char *const arch_mmio[] = {"-global", "virtio-mmio.force-legacy=false", NULL};
/* A panic of the guest is an event and an exit status of QEMU's, not a text on a console. Port
 * 0x505 is the device's default; our kernel is told of it (docs/KERNEL.md). */
static const char *const arch_amd64[] = {"-global", "virtio-mmio.force-legacy=false", "-device",
					 "pvpanic", NULL};
static const char *const arch_pvpanic[] = {"-device", "pvpanic", NULL};
/* pseries always has a vty: give hvc0 away, ours becomes hvc1. */
static const char *const arch_ppc64[] = {"-chardev", "null,id=vty0", "-device",
					 "spapr-vty,chardev=vty0", NULL};

static const struct vm_arch archs[] = {
	{
		.oci = "amd64",
		.qemu = "qemu-system-x86_64",
		/* rtc=off costs more boot time than it saves (the kernel waits for an update bit
		 * of a clock that is not there); the firmware is QEMU's default (qboot). */
		.machine = "microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=off,"
			   "x-option-roms=off",
		.cpu_kvm = "host",
		/* erms: the kernel would clear pages by rep stosb, 4096 rounds instead of 512
		 * (measured with init_on_alloc=1: 530 -> 430 ms). fsrm goes with it: QEMU 10
		 * has it, and memmove() of Linux before 6.4 breaks with fsrm and no erms. */
		.cpu_tcg = "max,-erms,-fsrm",
		.bus = "device",
		.kernel = "vmlinux",
		.console = "hvc0",
		.extra = arch_amd64,
		/* A triple fault is the exit that needs neither ACPI nor a keyboard controller. */
		.append = "reboot=t",
		.append_own = "pvpanic_mmio.ioport=0x505 virtio_mmio.console_queue_max=128",
		/* Each saves translations; under KVM they gain nothing (docs/KERNEL.md). */
		.append_tcg = "noreplace-smp rodata=off no_timer_check",
		.append_tcg_own = "keep_initmem=1",
		.elf_machine = EM_X86_64,
	},
	{
		/* For kernels that find no virtio-mmio device without ACPI: distributions'. */
		.oci = "amd64",
		.qemu = "qemu-system-x86_64",
		.machine = "q35,sata=off,smbus=off,usb=off,vmport=off",
		.cpu_kvm = "host",
		.cpu_tcg = "max,-erms,-fsrm",
		.bus = "pci",
		.kernel = "vmlinux",
		.console = "ttyS0",
		.has_serial = true,
		.extra = arch_pvpanic,
		/* QEMU 7.2 gets the flags wrong after a cmpxchg16b without lock prefix: Linux
		 * 6.12 allocates memory with it and dies of it, most times before init. That
		 * is word 4, bit 13 of its features; programs still see it. */
		.append_tcg = "noreplace-smp no_timer_check clearcpuid=141",
		.elf_machine = EM_X86_64,
	},
	{
		.oci = "arm64",
		.qemu = "qemu-system-aarch64",
		.machine = "virt,gic-version=3,acpi=off",
		.cpu_kvm = "host",
		.cpu_tcg = "max",
		.bus = "device",
		.kernel = "Image",
		.console = "hvc0",
		.extra = arch_mmio,
		.elf_machine = EM_AARCH64,
	},
	{
		.oci = "arm",
		.qemu = "qemu-system-arm",
		.machine = "virt",
		.cpu_kvm = "host",
		.cpu_tcg = "cortex-a15",
		.bus = "device",
		.kernel = "zImage",
		.console = "hvc0",
		.extra = arch_mmio,
		.elf_machine = EM_ARM,
	},
	{
		.oci = "riscv64",
		.qemu = "qemu-system-riscv64",
		.machine = "virt",
		.cpu_kvm = "host",
		.cpu_tcg = "rv64",
		.bus = "device",
		.kernel = "Image",
		.console = "hvc0",
		.extra = arch_mmio,
		.elf_machine = EM_RISCV,
	},
	{
		.oci = "s390x",
		.qemu = "qemu-system-s390x",
		.machine = "s390-ccw-virtio",
		.cpu_kvm = "host",
		.cpu_tcg = "max",
		.bus = "ccw",
		.kernel = "bzImage",
		.console = "hvc0",
		/* Before: stores by MVC leave stale translations, JIT code breaks. */
		.tcg_min_version = 10000,
		.elf_machine = EM_S390,
	},
	{
		.oci = "ppc64le",
		.qemu = "qemu-system-ppc64",
		/* VOF instead of SLOF: 0.5 s of CPU time instead of 4.8. The capabilities only
		 * silence warnings about what TCG lacks. */
		.machine = "pseries,x-vof=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,"
			   "cap-ccf-assist=off",
		.cpu_kvm = "host",
		.cpu_tcg = "power9",
		.bus = "pci",
		.kernel = "vmlinux",
		.console = "hvc1",
		.extra = arch_ppc64,
		.elf_machine = EM_PPC64,
	},
};

static bool arch_is_machine(const struct vm_arch *arch, const char *name)
{
	size_t size = strcspn(arch->machine, ",");

	return strlen(name) == size && !strncmp(arch->machine, name, size);
}

const struct vm_arch *vm_arch_find(const char *oci, const char *machine)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(*archs); i++) {
		if (!strcmp(archs[i].oci, oci) && (!machine || arch_is_machine(&archs[i], machine)))
			return &archs[i];
	}
	return NULL;
}

const char *vm_arch_host(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#elif defined(__arm__)
	return "arm";
#elif defined(__riscv) && __riscv_xlen == 64
	return "riscv64";
#elif defined(__s390x__)
	return "s390x";
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return "ppc64le";
#else
#error "no QEMU machine is known for this host"
#endif
}

static int vm_qemu_check(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, -errno, "qemu: '%s'", path);
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return err_set(e, -EACCES, "qemu: '%s' is not a program", path);
	return 0;
}

int vm_qemu_find(const struct vm_arch *arch, const char *configured, char *ret_path, struct err *e)
{
	/* Engines call without PATH, and PATH would not be trusted. */
	static const char *const places[] = {"/usr/bin", "/usr/local/bin", "/usr/libexec",
					     "/opt/vmrt/bin"};
	int r;

	if (configured) {
		r = vm_qemu_check(configured, e);
		if (r < 0)
			return r;
		if (snprintf(ret_path, PATH_MAX, "%s", configured) >= PATH_MAX)
			return err_set(e, -ENAMETOOLONG, "qemu: the configured path is too long");
		return 0;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(ret_path, PATH_MAX, "%s/%s", places[i], arch->qemu);
		if (vm_qemu_check(ret_path, e) == 0)
			return 0;
	}
	return err_set(e, -ENOENT,
		       "qemu: %s is not installed (looked in /usr/bin, /usr/local/bin, "
		       "/usr/libexec, /opt/vmrt/bin)",
		       arch->qemu);
}
