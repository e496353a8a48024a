/* What the monitor's files share: the one object of the process. Private to runtime/monitor.
 *
 * Dependencies: monitor.c (life) -> clients.c, exec.c -> guest.c, session_io.c. */
#ifndef VMRT_MONITOR_INTERNAL_H
#define VMRT_MONITOR_INTERNAL_H

#include "lib/network.h"
#include "lib/wire.h"
#include "runtime/cgroup/oom.h"
#include "runtime/ctl/ctl.h"
#include "runtime/loop/loop.h"
#include "runtime/monitor/machine.h"
#include "runtime/monitor/qmp.h"
#include "runtime/monitor/relay.h"
#include "runtime/monitor/session.h"

#define MONITOR_CLIENT_MAX	    128
#define MONITOR_SESSION_MAX	    128		/* exec sessions at a time; ports run out before */
#define MONITOR_QUEUE_MAX_BYTES	    (64u << 10) /* to the guest, beyond descriptions */
#define MONITOR_ANSWERS_MAX_BYTES   (1u << 20)	/* then even "no answer" is not said */
#define MONITOR_GUEST_LOG_MAX_BYTES (1u << 20)
/* What a line of the log has beside the guest's text, at most. */
#define MONITOR_GUEST_LOG_LINE_BYTES 128u

struct monitor;

/* A connection to ctl.sock. */
struct client {
	struct monitor *monitor;
	int fd; /* -1: free slot */
	struct loop_source *source;
	enum ctl_verb waiting;	 /* for an answer; 0: for a request */
	bool is_agent;		 /* the host process of an exec session */
	bool is_watcher;	 /* it is told of OOM kills */
	struct session *session; /* that session; NULL: it is over, or never was */
	int signo;
	uint32_t token; /* of the signal it waits for */
};

struct session_stream {
	struct session *session;
	enum proto_stream stream;
	struct relay *relay; /* NULL: the stream is not relayed */
	bool has_end;
	bool is_deleting; /* exec: its device is on its way out */
};

/* A process in the guest with its streams: number 0 is the container's own. */
struct session {
	struct monitor *monitor;
	struct session *next; /* exec sessions only */
	uint16_t number;
	enum session_state state;
	struct session_stream streams[PROTO_STREAM_COUNT];
	bool has_exit;
	int exit_status;
	/* exec only */
	struct client *client; /* its host process; NULL: gone */
	struct guest_process process;
	uint8_t *description; /* owned: what `process` points into */
	size_t description_size;
	int stdio[PROTO_STREAM_COUNT]; /* the engine's, until the relays have them */
	int fifos[PROTO_STREAM_COUNT];
	uint64_t begun_ms;	  /* when it was asked for */
	uint64_t held_signals;	  /* bit n-1: signal n came before the process ran */
	bool is_reported;	  /* its host process was told the status */
	unsigned int qmp_pending; /* commands whose answer is still to come */
	bool is_broken;		  /* a port could not be made */
	bool is_closing;	  /* ports are being taken away */
};

struct monitor {
	const struct monitor_start *start;
	struct loop *loop;
	struct machine machine;
	struct session container; /* session 0 */
	struct session *execs;
	size_t exec_count;
	uint16_t last_number;

	/* control link to the guest */
	struct loop_source *guest_source;
	uint8_t in[PROTO_HEADER_BYTES + PROTO_GUEST_MAX_BYTES];
	size_t in_size;
	struct wire_out out;
	size_t out_at;

	/* network.c */
	struct network network; /* as the guest was told last */
	bool is_network_told;
	struct loop_source *network_source;
	struct loop_timer *network_timer;
	unsigned int network_failures; /* since the last event */
	struct resolver_query *queries;
	size_t query_count;
	struct loop_timer *resolver_timer; /* NULL: nothing was asked yet */
	struct forward *forward;	   /* NULL: the guest has said nothing of its sockets */
	struct flush *flush;		   /* NULL: the end has not come */

	struct qmp *qmp;
	struct client clients[MONITOR_CLIENT_MAX];
	uint32_t last_token; /* 0 is nobody's: forwarded signals */
	struct loop_source *listen_source;

	int sync_fd; /* the creating command; -1: it has committed */
	struct loop_source *sync_source;
	int tty_fd; /* the container's terminal: our controlling one; -1: none */
	int signal_fd;
	struct loop_source *caller_source;
	struct loop_timer *answer_timer;
	struct loop_timer *kill_timer;
	struct loop_timer *agent_timer;
	struct loop_timer *exec_timer; /* exec.c: of sessions that do not start */
	int clock_fd;		       /* clock.c */
	bool is_clock_late;	       /* the clock was set while the guest could not be told */

	int memory_dirfd;      /* of our cgroup; -1: the host has none */
	bool has_oom;	       /* the guest has killed for want of memory: not passed on yet */
	struct cgroup_oom oom; /* oom.c: the event that is being passed on */
	uint64_t oom_last_ms;
	bool is_paused;
	bool is_kill_wanted; /* SIGKILL was asked for: nothing may delay the end for long */
	size_t guest_log_bytes;
	bool is_waiting_for_execs; /* the container has ended: agent_timer runs */
	int exit_status;
	bool is_ending;
	bool has_lost_creator; /* the creating command ended before the container was complete */
};

/* monitor.c: the end, from wherever it comes. Each may be called once; later calls do nothing. */
void monitor_end(struct monitor *m, int status);
/* Does the guest owe an answer (HELLO, CREATED, STARTED)? Then it has as long as for its boot. */
void monitor_limit_answer(struct monitor *m, bool is_awaited);
/* The size of the container's terminal, if it has one, to the guest. */
void monitor_forward_size(struct monitor *m);
/* Ends when the container has ended, its output has passed, and so have the exec sessions' and
 * their host processes: engines want to hear of those first. Called whenever that may be so. */
void monitor_end_when_over(struct monitor *m);
/* The VM or the guest broke; `e` says how. Everybody who waits is told; the status is 255, or 137
 * when SIGKILL had been asked for. */
void monitor_break(struct monitor *m, const struct err *e);

/* session_io.c: the streams of a session. */
/* Relays between the engine's descriptors and the FIFOs (-1: not relayed). Takes all of them. */
void session_open_streams(struct session *s, const int stdio[PROTO_STREAM_COUNT],
			  const int fifos[PROTO_STREAM_COUNT]);
void session_close_streams(struct session *s);
/* Has the process exited, and was everything it wrote passed on? */
bool session_is_drained(const struct session *s);
/* And everything that others wrote to its streams? Of the container's own that is the same. */
bool session_is_ended(const struct session *s);
/* Called whenever one of them may have become true. */
void session_check_end(struct session *s);

/* guest.c: the control link. */
int guest_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
void guest_send_start(struct monitor *m);
void guest_send_exec(struct session *s);
/* False when the guest does not read and the queue is full. */
bool guest_send_signal(struct session *s, uint32_t token, int signo, bool is_all);
void guest_send_stdin_end(struct session *s, uint64_t total_bytes);
void guest_send_reader_gone(struct session *s, enum proto_stream stream);
void guest_send_resize(struct session *s, unsigned int rows, unsigned int columns);
void guest_send_clock(struct monitor *m);
/* May the guest cause one more line, with that text, in the container's log? */
bool guest_may_log(struct monitor *m, const char *text);
void guest_send_network(struct monitor *m, const struct network *n);
/* An answer that the guest does not read is dropped, as the network would do with a datagram; that
 * there is none (`size` 0) is always said: the guest keeps a place for it. */
void guest_send_resolved(struct monitor *m, uint32_t token, const void *answer, size_t size);

/* network.c: the namespace's state to the guest. */
int network_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
/* Reads the namespace and tells the guest if it is not what it was told last. Before START. */
int network_tell(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
/* The same while the guest sets the container up, as far as the namespace is filled by then. */
void network_tell_early(struct monitor *m);
void network_close(struct monitor *m);

/* clock.c: the host's clock, when it is set. */
int clock_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
/* The guest can be told of it from now on. */
void clock_on_created(struct monitor *m);

/* notify.c: a line of the container's to who listens on the host, if it may say that. */
void notify_relay(struct monitor *m, const char *line);

/* oom.c: the guest's OOM kills, for those who watch the host's cgroup. */
void oom_on_guest(struct monitor *m);
/* Was it a process of that file's? */
bool oom_on_reaped(struct monitor *m, pid_t pid, int status);
/* The last thing before the monitor ends, when QEMU and virtiofsd have been killed. */
void oom_at_end(struct monitor *m);

/* resolver.c: the engine's DNS server in the container's namespace, asked for the guest. */
struct resolver_query;
void resolver_on_query(struct monitor *m, const struct proto_event *ev);

/* forward.c: the host's ports that lead to the guest's. */
struct forward;
void forward_on_listening(struct monitor *m, const struct proto_event *ev);

/* flush.c: after the container's end, does QEMU hold nothing more of what its connections have
 * sent? False: monitor_end_when_over() is called again when it is so, or takes too long. */
struct flush;
bool flush_is_over(struct monitor *m);

/* sockets.c: connections to sockets of the host's that are mounted into the container. */
int sockets_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;

/* exec.c: exec sessions from request to the last byte. */
int exec_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
/* `fds`: the encoded process as a file, then three stdio descriptors; all are taken. On failure
 * the client gets the reply. */
void exec_begin(struct monitor *m, struct client *c, int fds[CTL_FD_MAX]);
struct session *exec_find(struct monitor *m, uint16_t number);
/* A signal from its host process: one that comes early waits until the process runs. */
void exec_signal(struct session *s, int signo);
void exec_on_started(struct session *s, const struct err *e);
/* The process has exited and its own output has been passed on. */
void exec_on_drained(struct session *s);
/* Nobody holds any stream of it any more. */
void exec_on_ended(struct session *s);
/* QEMU's DEVICE_DELETED. */
void exec_on_deleted(struct monitor *m, const char *device);
/* Its host process is gone: the guest's process must not outlive it. */
void exec_on_client_gone(struct session *s);

/* clients.c: ctl.sock and the creating command. */
int clients_open(struct monitor *m, struct err *e) VMRT_MUST_CHECK;
/* Replies are smaller than a socket's buffer and there is one at a time: it cannot block. */
void client_reply(struct client *c, int error, const char *text);
void client_send_exited(struct client *c, int status);
/* The guest's answer to `create`: to the creating command. `e` NULL: success. */
void clients_on_created(struct monitor *m, const struct err *e);
void clients_on_started(struct monitor *m, const struct err *e);
/* Is any host process of an exec session still there? */
bool clients_have_agents(const struct monitor *m);
void clients_on_signalled(struct monitor *m, uint32_t token, int error);
void clients_on_oom(struct monitor *m);
/* Answers everybody who still waits. */
void clients_on_end(struct monitor *m, const struct err *e);

#endif
