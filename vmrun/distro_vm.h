/* The machine of an image: `vmrt boot` and the sockets into it. */
#ifndef VMRUN_DISTRO_VM_H
#define VMRUN_DISTRO_VM_H

#include <sys/types.h>

#include "lib/err.h"
#include "vmrun/mounts.h"
#include "vmrun/request.h"

enum distro_socket {
	DISTRO_AGENT,
	DISTRO_IN,
	DISTRO_OUT,
	DISTRO_ERR,
	DISTRO_CONTROL,
	DISTRO_CONSOLE, /* the serial line */
	DISTRO_SOCKET_COUNT
};

struct distro_vm {
	pid_t pid;
	int pidfd; /* -1: not started, or ended */
	int fds[DISTRO_SOCKET_COUNT];
	int errors_fd; /* vmrt's standard error */
};

/* Starts it. It ends with us, whatever happens. Close with distro_vm_done(), also after a failure.
 */
int distro_vm_start(const struct request *request, const struct mounts *shares,
		    struct distro_vm *ret, struct err *e) VMRT_MUST_CHECK;
/* Ends it and waits for that. */
void distro_vm_end(struct distro_vm *vm);
/* It has ended by itself: its wait status, and the last line it said, owned, or NULL. */
int distro_vm_reap(struct distro_vm *vm, char **ret_line);
void distro_vm_done(struct distro_vm *vm);

#endif
