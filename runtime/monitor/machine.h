/* The container's VM as processes: share tree, FIFOs, virtiofsd, QEMU; how they died.
 *
 * Must not speak the protocol: the monitor does. */
#ifndef VMRT_MONITOR_MACHINE_H
#define VMRT_MONITOR_MACHINE_H

#include <sys/types.h>

#include "lib/proto.h"
#include "runtime/monitor/monitor.h"
#include "runtime/net/net.h"
#include "runtime/template/ram.h"
#include "runtime/vm/vm.h"

#define MACHINE_TAIL_BYTES 4096
/* Bytes in flight per stream, beside what QEMU and the guest hold. */
#define MACHINE_FIFO_BYTES (1 << 20)

/* The last bytes of something that talks: the guest's console, a helper's stderr. */
struct machine_tail {
	int fd;	     /* read end, non-blocking; -1: nothing */
	int copy_fd; /* gets all that is read, as long as it takes it; -1: nothing does */
	char text[MACHINE_TAIL_BYTES];
	size_t size;
};

/* The folder of named pipes in the state directory; QEMU sees it under the same name in its own
 * root, and nothing else of the state directory. */
#define MACHINE_PORTS "ports"

struct machine {
	pid_t qemu_pid; /* 0: not running */
	pid_t share_pid;
	pid_t passt_pid;		  /* 0: it is not needed */
	int control_fd;			  /* our end of the control port */
	int qmp_fd;			  /* our end of QEMU's monitor */
	int sockets_fd;			  /* our end of the relayed sockets' port; -1: none */
	int ports_dirfd;		  /* of the state directory's MACHINE_PORTS */
	int fifo_fds[PROTO_STREAM_COUNT]; /* our ends; -1: the stream is not relayed */
	struct machine_tail console;
	struct machine_tail qemu_errors;
	struct machine_tail share_errors;
	struct machine_tail passt_errors;
	size_t skipped_binds; /* share_enter_root() */
	struct net net;
	enum vm_origin origin;
	struct ram memory; /* RESTORED: until it is filled */
	int state_fd;	   /* RESTORED: until QEMU has it; -1 */
	bool has_restore_failed;
};

/* machine_template.c, in the creating command: finds the template that the container's machine may
 * begin from, or makes it. `start->from` stays empty when there is none; why is logged. */
void machine_find_template(struct monitor_start *start);

/* Builds the share, starts both programs, enters the container's root: afterwards no host path
 * can be opened any more. In the monitor's own namespaces only. */
int machine_start(struct machine *m, const struct monitor_start *start,
		  struct err *e) VMRT_MUST_CHECK;

/* machine_network.c. `ret_fd`: QEMU's end of the socket that passt has the other end of. */
int machine_start_passt(struct machine *m, const struct monitor_start *start, int *ret_fd,
			struct err *e) VMRT_MUST_CHECK;
/* What is started between these two is in the namespace of the user-mode network. */
int machine_enter_network(const struct monitor_start *start, int *ret_own,
			  struct err *e) VMRT_MUST_CHECK;
int machine_leave_network(int own, struct err *e) VMRT_MUST_CHECK;

/* A pair of named pipes for QEMU, NAME.in and NAME.out; opens the one that carries bytes in the
 * stream's direction, non-blocking. -errno, or the descriptor. */
int machine_make_fifos(const struct machine *m, const char *name,
		       enum proto_stream stream) VMRT_MUST_CHECK;
void machine_unlink_fifos(const struct machine *m, const char *name);

/* QEMU has opened the container's own: their names are not needed any more. */
void machine_forget_fifos(const struct machine *m);

/* Reads all that the tail's source has to say now. False at its end. */
bool machine_tail_read(struct machine_tail *t);
/* The last line that is not empty, printable, or "". Points into the tail, which it cuts. */
const char *machine_tail_line(struct machine_tail *t);

/* Why the VM is gone, in one line: guest kernel panic, init died, QEMU's or virtiofsd's own words.
 * `status` is the wait status of `pid`. */
void machine_explain_death(struct machine *m, pid_t pid, int status, struct err *e);

#endif
