/* What QEMU is told: the plan of a container's machine, with the numbers of its descriptors. Must
 * not open anything. */
#include "runtime/monitor/machine_internal.h"

#include <string.h>

#include "lib/socket_link.h"
#include "runtime/template/ram.h"

static const char *const machine_port_names[PROTO_STREAM_COUNT] = {
	[PROTO_STDIN] = PROTO_PORT_STDIN,
	[PROTO_STDOUT] = PROTO_PORT_STDOUT,
	[PROTO_STDERR] = PROTO_PORT_STDERR,
};
static const char *const machine_fifo_paths[PROTO_STREAM_COUNT] = {
	[PROTO_STDIN] = "/" MACHINE_PORTS "/stdin",
	[PROTO_STDOUT] = "/" MACHINE_PORTS "/stdout",
	[PROTO_STDERR] = "/" MACHINE_PORTS "/stderr",
};

static void machine_plan_ports(const struct monitor_start *start, struct vm_plan *vm)
{
	vm->ports[vm->port_count++] = (struct vm_port){
		.name = PROTO_PORT_CONTROL,
		.socket_fd = CHILD_FD_CONTROL,
	};
	if (start->plan->guest.socket_count)
		vm->ports[vm->port_count++] = (struct vm_port){
			.name = SOCKET_LINK_PORT,
			.socket_fd = CHILD_FD_SOCKETS,
		};
	for (int i = 0; i < PROTO_STREAM_COUNT; i++) {
		if (start->plan->guest.process.stdio[i] != GUEST_STDIO_PIPE)
			continue;
		vm->ports[vm->port_count++] = (struct vm_port){
			.name = machine_port_names[i],
			.socket_fd = -1,
			.pipe_path = machine_fifo_paths[i],
		};
	}
}

/* The descriptors of a slot's queues: as struct vm_nic wants them. */
int machine_tap_fd(size_t slot)
{
	return CHILD_FD_NIC + (int)(slot * TAP_QUEUE_MAX);
}

int machine_vhost_fd(size_t slot)
{
	return machine_tap_fd(NET_SLOT_MAX + slot);
}

static void machine_plan_nics(const struct machine *m, const struct plan *plan, struct vm_plan *vm)
{
	for (size_t i = 0; i < plan->nic_count; i++) {
		const struct net_slot *slot = i < m->net.slot_count ? &m->net.slots[i] : NULL;
		struct vm_nic *nic = &vm->nics[vm->nic_count++];

		*nic = (struct vm_nic){
			.queue_count = slot ? (unsigned int)net_queue_count(slot) : 1,
			.tap_fd = slot ? machine_tap_fd(i) : -1,
			.socket_fd = plan->user_network.passt ? CHILD_FD_NIC : -1,
			.is_ipv4_only = !plan->user_network.has_ipv6,
			.forwards = plan->qemu_forwards,
			.vhost_fd = slot && slot->vhost_fds[0] >= 0 ? machine_vhost_fd(i) : -1,
		};
		memcpy(nic->mac, NETWORK_SLOT_MAC, sizeof(nic->mac) - 1);
		nic->mac[sizeof(nic->mac) - 1] = (unsigned char)i;
	}
}

void machine_plan_vm(const struct machine *m, const struct monitor_start *start, struct vm_plan *vm)
{
	*vm = (struct vm_plan){
		.origin = m->origin,
		.ram_path = m->origin == VM_BOOTED ? NULL : "/" MACHINE_MEMORY "/" RAM_FILE,
		.name = start->id,
		.arch = vm_arch_host(),
		.qemu = start->qemu,
		.kernel = MACHINE_JAIL_KERNEL,
		.initramfs = MACHINE_JAIL_INITRAMFS,
		.machine = start->plan->vm_machine,
		.accel = start->accel,
		.tsc_khz = start->facts->tsc_khz,
		/* The other half is for files that are open, and for those under way. */
		.inodes_max = virtiofsd_nofile() / 2,
		.is_own_kernel = start->settings->is_own_kernel && !start->plan->vm_kernel,
		.append = start->plan->vm_append,
		.extra = start->plan->vm_qemu_args ? start->plan->vm_qemu_args->at : NULL,
		.extra_count = start->plan->vm_qemu_args ? start->plan->vm_qemu_args->count : 0,
		.memory_mib = start->plan->memory_mib,
		.vcpus = start->plan->vcpus,
		.share_socket_fd = CHILD_FD_SHARE,
		.share_tag = PROTO_SHARE_TAG,
		.image = start->image,
		.image_fd = CHILD_FD_IMAGE,
		.console_fd = CHILD_FD_CONSOLE,
		.qmp_fd = CHILD_FD_QMP,
		.gdb_fd = start->gdb_fd >= 0 ? CHILD_FD_GDB : -1,
	};
	machine_plan_ports(start, vm);
	machine_plan_nics(m, start->plan, vm);
}
