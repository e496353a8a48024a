/* What the monitor's files share: the one object of the process. Private to runtime/monitor. */
#ifndef VMRT_MONITOR_INTERNAL_H
#define VMRT_MONITOR_INTERNAL_H

#include "lib/wire.h"
#include "runtime/ctl/ctl.h"
#include "runtime/loop/loop.h"
#include "runtime/monitor/machine.h"
#include "runtime/monitor/relay.h"
#include "runtime/monitor/session.h"

#define MONITOR_CLIENT_MAX	64
#define MONITOR_QUEUE_MAX_BYTES (64u << 10) /* to the guest, beyond the description */

/* A connection to ctl.sock. */
struct client {
	struct monitor *monitor;
	int fd; /* -1: free slot */
	struct loop_source *source;
	enum ctl_verb waiting; /* for the guest's answer; 0: for a request */
	int signo;
	uint32_t token; /* of the signal it waits for */
};

struct monitor_stream {
	struct monitor *monitor;
	enum proto_stream stream;
	struct relay *relay; /* NULL: the stream is not relayed */
	bool has_end;
};

struct monitor {
	const struct monitor_start *start;
	struct loop *loop;
	struct machine machine;
	enum session_state state;

	/* control link to the guest */
	struct loop_source *guest_source;
	uint8_t in[PROTO_HEADER_BYTES + PROTO_GUEST_MAX_BYTES];
	size_t in_size;
	struct wire_out out;
	size_t out_at;

	struct monitor_stream streams[PROTO_STREAM_COUNT];
	struct client clients[MONITOR_CLIENT_MAX];
	uint32_t last_token; /* 0 is nobody's: forwarded signals */
	struct loop_source *listen_source;

	int sync_fd; /* the creating command; -1: it has committed */
	struct loop_source *sync_source;
	int signal_fd;
	struct loop_timer *boot_timer;
	struct loop_timer *kill_timer;

	bool is_kill_wanted; /* SIGKILL was asked for: nothing may delay the end for long */
	bool has_exit;
	int exit_status;
	bool is_ending;
};

/* monitor.c: the end, from wherever it comes. Each may be called once; later calls do nothing. */
void monitor_end(struct monitor *m, int status);
/* The VM or the guest broke; `e` says how. Everybody who waits is told; the status is 255, or 137
 * when SIGKILL had been asked for. */
void monitor_break(struct monitor *m, const struct err *e);
/* Ends the monitor when the process has exited and its output has been passed on. */
void monitor_check_drained(struct monitor *m);

/* guest.c: the control link. */
int guest_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
void guest_send_start(struct monitor *m);
/* False when the guest does not read and the queue is full. */
bool guest_send_signal(struct monitor *m, uint32_t token, int signo, bool is_all);
void guest_send_stdin_end(struct monitor *m, uint64_t total_bytes);
void guest_send_reader_gone(struct monitor *m, enum proto_stream stream);

/* clients.c: ctl.sock and the creating command. */
int clients_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
/* The guest's answer to `create`: to the creating command. `e` NULL: success. */
void clients_on_created(struct monitor *m, const struct err *e);
void clients_on_started(struct monitor *m, const struct err *e);
void clients_on_signalled(struct monitor *m, uint32_t token, int error);
/* Answers everybody who still waits. */
void clients_on_end(struct monitor *m, const struct err *e);

#endif
