/* What the files of the container's machine share. Private to runtime/monitor/machine*.c.
 *
 *   machine.c            starting and explaining
 *   machine_plan.c       QEMU's plan
 *   machine_network.c    the user-mode network
 *   machine_template.c   which template, and making it: in the creating command
 *   machine_restore.c    beginning from it: in the monitor */
#ifndef VMRT_MONITOR_MACHINE_INTERNAL_H
#define VMRT_MONITOR_MACHINE_INTERNAL_H

#include "lib/guest.h"
#include "runtime/monitor/machine.h"
#include "runtime/proc/spawn.h"

/* In QEMU's own root. */
#define MACHINE_JAIL_KERNEL    "/kernel"
#define MACHINE_JAIL_INITRAMFS "/initramfs"
#define MACHINE_MEMORY	       "memory"

/* Descriptor numbers inside QEMU and virtiofsd. */
enum {
	CHILD_FD_SHARE = 3,
	CHILD_FD_CONTROL,
	CHILD_FD_CONSOLE,
	CHILD_FD_QMP,
	CHILD_FD_ID,
	CHILD_FD_GDB,
	CHILD_FD_SOCKETS,
	CHILD_FD_NIC,
	CHILD_FD_DISK = CHILD_FD_NIC + 2 * NET_SLOT_MAX * TAP_QUEUE_MAX,
	CHILD_FD_STATE = CHILD_FD_DISK + GUEST_DISK_MAX, /* of what is restored */
	CHILD_FD_MEMORY,				 /* a mount on its way to its place */
	CHILD_FD_IMAGE,					 /* and the one behind */
	CHILD_FD_STREAM = CHILD_FD_IMAGE + 2		 /* of templates: for each port */
};

int machine_pair(int fds[2], struct err *e) VMRT_MUST_CHECK;
int machine_pipe(int fds[2], struct err *e) VMRT_MUST_CHECK;

/* machine_plan.c: by the machine's origin. */
void machine_plan_vm(const struct machine *m, const struct monitor_start *start,
		     struct vm_plan *vm);
/* The descriptors of a slot's queues: as struct vm_nic wants them. */
int machine_tap_fd(size_t slot);
int machine_vhost_fd(size_t slot);

int machine_spawn_qemu(struct machine *m, const struct monitor_start *start,
		       const struct spawn_fd *fds, size_t fd_count, const struct strv *argv,
		       struct err *e) VMRT_MUST_CHECK;

/* machine_restore.c: looks whether the machine can begin from the template, and makes it so; if
 * not, it is to be booted. */
void machine_prepare_restore(struct machine *m, const struct monitor_start *start);
/* What QEMU gets of it. */
size_t machine_give_memory(const struct machine *m, struct spawn_fd *fds);
/* When QEMU and virtiofsd run: the memory, the state, the share. */
int machine_restore(struct machine *m, const struct monitor_start *start,
		    struct err *e) VMRT_MUST_CHECK;
/* Ends what runs; the machine is to be booted. `why` is logged. */
void machine_abandon_restore(struct machine *m, const struct err *why);

#endif
