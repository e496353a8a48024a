/* QEMU's arguments for a disk image that boots by itself. Must not start or open anything. */
#include "runtime/image/machine.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/vm/vm.h"

#define MACHINE_VARS_FDSET 92
/* Of the image's kernel nothing is known: q35 with virtio on PCI has drivers in all of them.
 * Without graphics the BIOS and boot loaders that write through it speak on the serial line. */
#define MACHINE_TYPE "q35,sata=off,smbus=off,usb=off,vmport=off,graphics=off"

int firmware_find(struct firmware *ret, struct err *e)
{
	static const struct firmware known[] = {
		/* Debian, Ubuntu */
		{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
		{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
		/* Fedora, RHEL */
		{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
		/* Arch */
		{"/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"},
		/* SUSE */
		{"/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"},
		/* QEMU's own */
		{"/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (access(known[i].code, R_OK) == 0 && access(known[i].vars, R_OK) == 0) {
			*ret = known[i];
			return 0;
		}
	}
	return err_set(
		e, -ENOENT,
		"the UEFI firmware OVMF is not installed (Debian, Ubuntu: the package ovmf)");
}

static void machine_push_base(const struct image_machine *m, struct strv *v)
{
	const struct vm_arch *arch = vm_arch_find("amd64", "q35");

	strv_push(v, "-nodefaults");
	strv_push(v, "-no-user-config");
	/* A reboot would begin from the changed disk: it is an end as well. */
	strv_push(v, "-no-reboot");
	strv_push(v, "-action");
	strv_push(v, "panic=exit-failure");
	strv_push(v, "-display");
	strv_push(v, "none");
	strv_push(v, "-sandbox");
	strv_push(v, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	strv_push(v, "-machine");
	strv_pushf(v, "%s%s", MACHINE_TYPE, m->uefi ? ",pflash0=code,pflash1=vars" : "");
	strv_push(v, "-accel");
	strv_push(v, vm_accel_name(m->accel));
	strv_push(v, "-cpu");
	strv_push(v, m->accel == VM_ACCEL_KVM ? arch->cpu_kvm : arch->cpu_tcg);
	strv_push(v, "-smp");
	strv_pushf(v, "%u", m->vcpus);
	strv_push(v, "-m");
	strv_pushf(v, "%uM", m->memory_mib);
}

/* The disk alone is looked at, without a menu; where nothing boots the machine resets, which ends
 * it. */
static void machine_push_firmware(const struct image_machine *m, struct strv *v)
{
	strv_push(v, "-boot");
	strv_push(v, "strict=on,menu=off,reboot-timeout=1");
	if (m->bios) {
		strv_push(v, "-bios");
		strv_push(v, m->bios);
	}
	if (!m->uefi)
		return;
	strv_push(v, "-blockdev");
	strv_pushf(v, "driver=file,node-name=code,filename=%s,read-only=on", m->uefi->code);
	strv_push(v, "-add-fd");
	strv_pushf(v, "fd=%d,set=%d", m->vars_fd, MACHINE_VARS_FDSET);
	strv_push(v, "-blockdev");
	strv_pushf(v, "driver=file,node-name=vars,filename=/dev/fdset/%d,locking=off",
		   MACHINE_VARS_FDSET);
}

static void machine_push_ports(const struct image_machine *m, struct strv *v)
{
	strv_push(v, "-chardev");
	if (m->console_fd >= 0)
		strv_pushf(v, "socket,id=console,fd=%d", m->console_fd);
	else
		strv_push(v, "null,id=console");
	strv_push(v, "-device");
	strv_push(v, "isa-serial,chardev=console");
	strv_push(v, "-device");
	strv_pushf(v, "virtio-serial-pci,id=ports,max_ports=%d", IMAGE_PORT_MAX + 1);
	for (size_t i = 0; i < m->port_count; i++) {
		strv_push(v, "-chardev");
		strv_pushf(v, "socket,id=c%zu,fd=%d", i + 1, m->ports[i].fd);
		strv_push(v, "-device");
		strv_pushf(v, "virtserialport,bus=ports.0,nr=%zu,chardev=c%zu,name=%s", i + 1,
			   i + 1, m->ports[i].name);
	}
}

/* Under TCG it has to be 9p, as it is QEMU that writes into the guest's memory (qemu.c). Owners are
 * the host's: no mapping. */
static void machine_push_shares(const struct image_machine *m, struct strv *v)
{
	for (size_t i = 0; i < m->share_count; i++) {
		const struct image_share *s = &m->shares[i];

		strv_push(v, "-fsdev");
		strv_pushf(v, "local,id=s%zu,path=%s,security_model=passthrough,multidevs=remap%s",
			   i, s->path, s->is_readonly ? ",readonly=on" : "");
		strv_push(v, "-device");
		strv_pushf(v, "virtio-9p-pci,fsdev=s%zu,mount_tag=%s", i, s->tag);
	}
}

static void machine_push_devices(const struct image_machine *m, struct strv *v)
{
	image_push_blockdevs(m->image, m->image_fd, v);
	strv_push(v, "-device");
	strv_push(v, "virtio-blk-pci,drive=" IMAGE_NODE ",bootindex=0");
	strv_push(v, "-device");
	strv_push(v, "pvpanic");
	strv_push(v, "-object");
	strv_push(v, "rng-builtin,id=random");
	strv_push(v, "-device");
	strv_push(v, "virtio-rng-pci,rng=random");
	if (!m->has_network)
		return;
	strv_push(v, "-netdev");
	strv_pushf(v, "user,id=n0%s", m->forwards);
	strv_push(v, "-device");
	strv_push(v, "virtio-net-pci,netdev=n0,romfile=");
}

void image_machine_argv(const struct image_machine *m, struct strv *ret)
{
	strv_push(ret, m->qemu);
	machine_push_base(m, ret);
	machine_push_firmware(m, ret);
	machine_push_ports(m, ret);
	machine_push_devices(m, ret);
	machine_push_shares(m, ret);
	for (size_t i = 0; i < m->extra_count; i++)
		strv_push(ret, m->extra[i]);
}
