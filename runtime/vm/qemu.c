/* QEMU's arguments from a plan. Pure: must not open files, start processes or read the host. */
#include "runtime/vm/vm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/guest.h"
#include "lib/proto.h"
#include "runtime/image/image.h"

/* Free-text values in QEMU's comma-separated options: a comma is written twice. */
static void qemu_escape(const char *text, char *ret, size_t size)
{
	size_t at = 0;

	for (; *text && at + 3 < size; text++) {
		if (*text == ',')
			ret[at++] = ',';
		ret[at++] = *text;
	}
	ret[at] = '\0';
}

static void qemu_push_option(struct strv *v, const char *option, const char *fmt, ...)
	VMRT_PRINTF(3, 4);

static void qemu_push_option(struct strv *v, const char *option, const char *fmt, ...)
{
	char value[4096 * 2 + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	strv_push(v, option);
	strv_push(v, value);
}

/* A socket that is there already, or a file. */
static void qemu_push_chardev(struct strv *v, const char *id, const char *kind, const char *path,
			      const char *more)
{
	char escaped[2 * 4096 + 1];

	qemu_escape(path, escaped, sizeof(escaped));
	qemu_push_option(v, "-chardev", "%s,id=%s,path=%s%s", kind, id, escaped, more);
}

static int qemu_check_plan(const struct vm_plan *p, const struct vm_arch *arch, struct err *e)
{
	if (!arch)
		return err_set(e, -EINVAL, "qemu: no machine for architecture '%s'", p->arch);
	if (!p->qemu || !p->kernel || !p->initramfs || !p->name)
		return err_set(e, -EINVAL, "qemu: the plan has no program, kernel or name");
	if (p->port_count > VM_PORT_MAX)
		return err_set(e, -E2BIG, "qemu: %zu ports are more than %d", p->port_count,
			       VM_PORT_MAX);
	if (p->nic_count > VM_NIC_MAX)
		return err_set(e, -E2BIG, "qemu: %zu NICs are more than %d", p->nic_count,
			       VM_NIC_MAX);
	if (p->disk_count > VM_DISK_MAX)
		return err_set(e, -E2BIG, "qemu: %zu disks are more than %d", p->disk_count,
			       VM_DISK_MAX);
	if (p->memory_mib < 32 || !p->vcpus)
		return err_set(e, -EINVAL, "qemu: %u MiB and %u vCPUs", p->memory_mib, p->vcpus);
	if (p->share_socket_fd >= 0 && !p->share_tag)
		return err_set(e, -EINVAL, "qemu: a share without a tag");
	if (p->origin != VM_BOOTED && (!p->ram_path || !vm_can_be_template(p)))
		return err_set(e, -EINVAL, "qemu: a machine like this one cannot be a template");
	if (strlen(p->kernel) > 4000 || strlen(p->initramfs) > 4000)
		return err_set(e, -ENAMETOOLONG, "qemu: the kernel's path is too long");
	return 0;
}

bool vm_can_be_template(const struct vm_plan *p)
{
	if (p->accel != VM_ACCEL_TCG || strcmp(p->arch, "amd64") || p->machine ||
	    !p->is_own_kernel || p->extra_count || p->disk_count || p->gdb_fd >= 0 ||
	    p->nic_count > VM_TEMPLATE_NIC_MAX)
		return false;
	for (size_t i = 0; i < p->nic_count; i++) {
		if (p->nics[i].queue_count > 1)
			return false;
	}
	return true;
}

static void qemu_push_machine(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch)
{
	bool is_kvm = p->accel == VM_ACCEL_KVM;
	char name[600];

	qemu_escape(p->name, name, sizeof(name));
	qemu_push_option(v, "-name", "%s", name);
	strv_push(v, "-nodefaults");
	strv_push(v, "-no-user-config");
	strv_push(v, "-no-reboot");
	/* Status 1 for a panic; every other end is 0 and says nothing. */
	qemu_push_option(v, "-action", "panic=exit-failure");
	qemu_push_option(v, "-display", "none");
	qemu_push_option(v, "-sandbox",
			 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	qemu_push_option(v, "-machine", "%s,memory-backend=mem", arch->machine);
	qemu_push_option(v, "-accel", "%s", vm_accel_name(p->accel));
	qemu_push_option(v, "-cpu", "%s", is_kvm ? arch->cpu_kvm : arch->cpu_tcg);
	qemu_push_option(v, "-smp", "%u", p->vcpus);
	qemu_push_option(v, "-m", "%uM", p->memory_mib);
	/* Shared: virtiofsd maps the guest's memory. */
	if (p->origin == VM_BOOTED)
		qemu_push_option(v, "-object", "memory-backend-memfd,id=mem,size=%uM,share=on",
				 p->memory_mib);
	else
		qemu_push_option(v, "-object",
				 "memory-backend-file,id=mem,size=%uM,mem-path=%s,share=on",
				 p->memory_mib, p->ram_path);
	for (const char *const *x = arch->extra; x && *x; x++)
		strv_push(v, *x);
}

/* Adds a word or more; the text is as long as VM_APPEND_MAX when it did not fit. */
static void qemu_append(char *text, const char *words)
{
	size_t used = strlen(text);

	if (words && *words)
		snprintf(text + used, VM_APPEND_MAX + 1 - used, "%s%s", used ? " " : "", words);
}

/* What TCG needs to be right, and what it gains from.
 *
 * virtiofsd writes file data into guest memory behind TCG's back, which goes on executing what
 * that page held before. virtiofs.cpu_rewrite=1 (a patch of ours) has the guest's CPU touch the
 * data; init_on_alloc=1 cures other kernels by clearing each page before it is used. Without
 * either, programs crash or run other programs' code. */
static void qemu_append_tcg(char *text, const struct vm_plan *p, const struct vm_arch *arch)
{
	char tsc[64];

	qemu_append(text, arch->append_tcg);
	/* TCG passes the host's counter through: its exact rate saves the calibration. A wrong
	 * one would make the guest's clock drift, so 0 means the guest finds out by itself. */
	if (p->tsc_khz && !strcmp(arch->oci, "amd64")) {
		snprintf(tsc, sizeof(tsc), "tsc=reliable tsc_early_khz=%u", p->tsc_khz);
		qemu_append(text, tsc);
	}
	/* Or each CPU but the first measures its delay loop for 140 ms. In units of the kernel's
	 * HZ, which is known of our own. */
	if (p->tsc_khz && p->is_own_kernel && !strcmp(arch->oci, "amd64")) {
		snprintf(tsc, sizeof(tsc), "lpj=%llu", p->tsc_khz * 1000ULL / VM_KERNEL_HZ);
		qemu_append(text, tsc);
	}
	if (p->is_own_kernel) {
		qemu_append(text, arch->append_tcg_own);
		qemu_append(text, "virtiofs.cpu_rewrite=1");
	} else {
		qemu_append(text, "init_on_alloc=1");
	}
}

/* panic=-1: a panicked kernel would otherwise spin for ever on some architectures. oops=panic: one
 * that has lost a thread of its own goes on somehow, and its container hangs in the end. */
static int qemu_push_append(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch,
			    struct err *e)
{
	char text[VM_APPEND_MAX + 1];

	/* quiet: its messages would cost more than the rest of the boot; a panic speaks anyway. */
	snprintf(text, sizeof(text), "console=%s panic=-1 oops=panic quiet", arch->console);
	qemu_append(text, arch->append);
	if (p->is_own_kernel)
		qemu_append(text, arch->append_own);
	/* virtiofsd has a file open for each. */
	if (p->is_own_kernel && p->inodes_max) {
		char inodes[64];

		snprintf(inodes, sizeof(inodes), "fuse.inodes_max=%" PRIu64, p->inodes_max);
		qemu_append(text, inodes);
	}
	/* VIRTIO_ID_NET: init shows the NICs that have something to be joined with. */
	if (p->is_own_kernel && p->nic_count)
		qemu_append(text, "virtio.hold=1");
	if (p->accel == VM_ACCEL_TCG)
		qemu_append_tcg(text, p, arch);
	if (p->origin == VM_TEMPLATE)
		qemu_append(text,
			    PROTO_PARK_VARIABLE "=" VM_SLOT_SHARE_NAME " " VM_SLOT_SHARE_WORD);
	qemu_append(text, p->append);
	if (strlen(text) >= VM_APPEND_MAX)
		return err_set(e, -E2BIG, "qemu: the kernel command line is longer than %d bytes",
			       VM_APPEND_MAX - 1);
	qemu_push_option(v, "-append", "%s", text);
	return 0;
}

static void qemu_push_kernel_files(struct strv *v, const struct vm_plan *p)
{
	qemu_push_option(v, "-kernel", "%s", p->kernel);
	qemu_push_option(v, "-initrd", "%s", p->initramfs);
}

/* One bus. Number 0 is the kernel's console: a virtconsole throws output away while
 * its reader is slow, which is right for a console and wrong for everything else. Ports have
 * queues of their own: a full one stops that port and no other. */
static int qemu_push_ports(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch,
			   struct err *e)
{
	char escaped[2 * 4096 + 1];

	qemu_push_option(v, "-device", "virtio-serial-%s,id=ports,max_ports=%d", arch->bus,
			 VM_BUS_PORTS);
	if (p->console_fd >= 0)
		qemu_push_option(v, "-chardev", "socket,id=console,fd=%d", p->console_fd);
	else if (p->console_path)
		qemu_push_chardev(v, "console", "file", p->console_path, ",append=on");
	else
		qemu_push_option(v, "-chardev", "null,id=console");
	if (arch->has_serial)
		qemu_push_option(v, "-device", "isa-serial,chardev=console");
	else
		qemu_push_option(v, "-device", "virtconsole,bus=ports.0,nr=0,chardev=console");
	for (size_t i = 0; i < p->port_count; i++) {
		const struct vm_port *port = &p->ports[i];
		char id[24];

		if (!port->name || !*port->name || strchr(port->name, ','))
			return err_set(e, -EINVAL, "qemu: port %zu has no usable name", i);
		if (port->socket_fd >= 0) {
			qemu_push_option(v, "-chardev", "socket,id=c%zu,fd=%d", i + 1,
					 port->socket_fd);
		} else if (port->socket_path || port->file_path) {
			snprintf(id, sizeof(id), "c%zu", i + 1);
			if (port->socket_path)
				qemu_push_chardev(v, id, "socket", port->socket_path, "");
			else
				qemu_push_chardev(v, id, "file", port->file_path, ",append=on");
		} else {
			if (!port->pipe_path || strlen(port->pipe_path) > 4000)
				return err_set(e, -EINVAL, "qemu: port '%s' has no usable path",
					       port->name);
			qemu_escape(port->pipe_path, escaped, sizeof(escaped));
			qemu_push_option(v, "-chardev", "pipe,id=c%zu,path=%s", i + 1, escaped);
		}
		qemu_push_option(v, "-device",
				 "virtserialport,bus=ports.0,nr=%zu,id=p%zu,chardev=c%zu,name=%s",
				 i + 1, i + 1, i + 1, port->name);
	}
	return 0;
}

/* ",fd=14", or ",fds=14:15:16". */
static void qemu_word_fds(const char *option, int first, unsigned int count, char *text,
			  size_t size)
{
	int used = snprintf(text, size, ",%s%s=%d", option, count > 1 ? "s" : "", first);

	for (unsigned int i = 1; i < count && used > 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, ":%d", first + (int)i);
}

/* A vector for each queue, and two. Others than PCI have one interrupt for all. */
static void qemu_word_queues(const struct vm_nic *nic, bool is_pci, char *text, size_t size)
{
	int used = snprintf(text, size, ",mq=on");

	if (is_pci)
		snprintf(text + used, size - (size_t)used, ",vectors=%u", 2 * nic->queue_count + 2);
}

static void qemu_push_netdev(struct strv *v, size_t i, const struct vm_nic *nic)
{
	char tap[80];
	char vhost[80] = "";

	if (nic->tap_fd >= 0) {
		qemu_word_fds("fd", nic->tap_fd, nic->queue_count, tap, sizeof(tap));
		if (nic->vhost_fd >= 0)
			qemu_word_fds("vhostfd", nic->vhost_fd, nic->queue_count, vhost,
				      sizeof(vhost));
		qemu_push_option(v, "-netdev", "tap,id=n%zu%s%s%s", i, tap,
				 *vhost ? ",vhost=on" : "", vhost);
	} else if (nic->socket_fd >= 0) {
		qemu_push_option(v, "-netdev", "socket,id=n%zu,fd=%d", i, nic->socket_fd);
	} else {
		qemu_push_option(v, "-netdev", "user,id=n%zu%s%s", i,
				 nic->is_ipv4_only ? ",ipv6=off" : "",
				 nic->forwards ? nic->forwards : "");
	}
}

/* Offloads are on by default where the tap has headers for them. Without the status feature the
 * link is there at once: with it the guest's kernel takes up to a second to believe it. A PCI NIC
 * would bring a boot ROM. */
static void qemu_push_nics(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch)
{
	bool is_pci = !strcmp(arch->bus, "pci");

	for (size_t i = 0; i < p->nic_count; i++) {
		const struct vm_nic *nic = &p->nics[i];
		char queues[40] = "";
		char netdev[24] = "";

		if (p->origin != VM_TEMPLATE) {
			qemu_push_netdev(v, i, nic);
			snprintf(netdev, sizeof(netdev), "netdev=n%zu,", i);
		}
		if (nic->queue_count > 1)
			qemu_word_queues(nic, is_pci, queues, sizeof(queues));
		qemu_push_option(v, "-device",
				 "virtio-net-%s,%smac=%02x:%02x:%02x:%02x:%02x:%02x,"
				 "rx_queue_size=1024,status=off%s%s",
				 arch->bus, netdev, nic->mac[0], nic->mac[1], nic->mac[2],
				 nic->mac[3], nic->mac[4], nic->mac[5], queues,
				 is_pci ? ",romfile=" : "");
	}
}

/* Locks are left alone: a node of the device in two containers is the same device as well. */
static void qemu_push_disks(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch)
{
	for (size_t i = 0; i < p->disk_count; i++) {
		const struct vm_disk *d = &p->disks[i];

		char file[40];

		snprintf(file, sizeof(file), "/dev/fdset/%zu", i + 1);
		if (!d->path)
			qemu_push_option(v, "-add-fd", "fd=%d,set=%zu", d->fd, i + 1);
		qemu_push_option(v, "-blockdev",
				 "driver=%s,node-name=d%zu,filename=%s,"
				 "locking=off,discard=unmap,read-only=%s",
				 d->is_file ? "file" : "host_device", i + 1,
				 d->path ? d->path : file, d->is_writable ? "off" : "on");
		qemu_push_option(v, "-device", "virtio-blk-%s,drive=d%zu,serial=%s", arch->bus,
				 i + 1, d->serial);
	}
}

static void qemu_push_image(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch)
{
	if (!p->image)
		return;
	image_push_blockdevs(p->image, p->image_fd, v);
	qemu_push_option(v, "-device", "virtio-blk-%s,drive=" IMAGE_NODE ",serial=%s", arch->bus,
			 GUEST_ROOT_SERIAL);
}

/* The share's device itself is plugged in when the memory is there. */
static void qemu_push_share(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch)
{
	if ((p->share_socket_fd < 0 && !p->share_path) || p->origin == VM_TEMPLATE)
		return;
	if (p->share_path)
		qemu_push_chardev(v, VM_SHARE_CHARDEV, "socket", p->share_path, "");
	else
		qemu_push_option(v, "-chardev", "socket,id=" VM_SHARE_CHARDEV ",fd=%d",
				 p->share_socket_fd);
	if (p->origin == VM_RESTORED)
		qemu_push_option(v, "-device",
				 "virtio-scsi-device,id=" VM_HOLDER_ID ",bus=" VM_SLOT_HOLDER);
	else
		/* 1024: with 128 small-file work takes 40 % longer. */
		qemu_push_option(v, "-device",
				 "vhost-user-fs-%s,chardev=" VM_SHARE_CHARDEV
				 ",tag=%s,queue-size=%d",
				 arch->bus, p->share_tag, VM_SHARE_QUEUE_SIZE);
}

static void qemu_push_devices(struct strv *v, const struct vm_plan *p, const struct vm_arch *arch)
{
	qemu_push_share(v, p, arch);
	/* Idle memory goes back to the host by itself; nobody has to inflate anything. */
	qemu_push_option(v, "-device", "virtio-balloon-%s,free-page-reporting=on", arch->bus);
	qemu_push_nics(v, p, arch);
	qemu_push_disks(v, p, arch);
	qemu_push_image(v, p, arch);
	if (p->gdb_fd >= 0 || p->gdb_path) {
		if (p->gdb_path)
			qemu_push_chardev(v, "gdb", "socket", p->gdb_path, ",server=on,wait=off");
		else
			qemu_push_option(v, "-chardev", "socket,id=gdb,fd=%d,server=on,wait=off",
					 p->gdb_fd);
		qemu_push_option(v, "-gdb", "chardev:gdb");
	}
	if (p->qmp_fd >= 0) {
		qemu_push_option(v, "-chardev", "socket,id=qmp,fd=%d", p->qmp_fd);
		qemu_push_option(v, "-mon", "chardev=qmp,mode=control");
	}
}

int vm_qemu_argv(const struct vm_plan *plan, struct strv *ret, struct err *e)
{
	const struct vm_arch *arch = vm_arch_find(plan->arch, plan->machine);
	auto_strv struct strv v = {0};
	int r;

	r = qemu_check_plan(plan, arch, e);
	if (r < 0)
		return r;
	strv_push(&v, plan->qemu);
	qemu_push_machine(&v, plan, arch);
	if (plan->origin == VM_RESTORED) {
		qemu_push_option(&v, "-incoming", "defer");
	} else {
		qemu_push_kernel_files(&v, plan);
		r = qemu_push_append(&v, plan, arch, e);
		if (r < 0)
			return r;
	}
	r = qemu_push_ports(&v, plan, arch, e);
	if (r < 0)
		return r;
	qemu_push_devices(&v, plan, arch);
	for (size_t i = 0; i < plan->extra_count; i++)
		strv_push(&v, plan->extra[i]);
	*ret = v;
	v = (struct strv){0};
	return 0;
}
