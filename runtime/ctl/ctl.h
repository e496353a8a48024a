/* Requests from `vmrt` commands to a running monitor over <state dir>/ctl.sock.
 *
 *   command                       monitor
 *      | --- REQUEST ---------------> |     one packet of SOCK_SEQPACKET each way;
 *      | <-- REPLY error, text ------ |     one request at a time per connection
 *
 * The process that runs `create` talks over an inherited socketpair in the same words: the monitor
 * sends one REPLY when the guest has the container ready (or why not), the command answers with
 * COMMIT when pid-file and state are written. A closed connection before that means that nobody
 * will ever know of the container: the monitor takes everything down.
 *
 * A monitor outlives an upgrade of the binary: numbers are never reused, fields only appended. */
#ifndef VMRT_CTL_H
#define VMRT_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

#define CTL_SOCKET_NAME "ctl.sock"
#define CTL_PACKET_MAX	(8u << 10)
#define CTL_FD_MAX	4

enum ctl_verb {
	CTL_REPLY = 1,
	CTL_COMMIT = 2,
	CTL_START = 3,
	CTL_KILL = 4, /* of the container's process, or on an EXEC connection the session's */
	CTL_EXEC = 5, /* with 4 descriptors: a file with the encoded process, stdin, stdout, stderr;
		       * REPLY when it runs, EXITED when it has ended */
	CTL_EXITED = 6, /* to the requester of an EXEC */
	CTL_RESIZE = 7, /* of the container's terminal, or on an EXEC connection the session's */
	CTL_PAUSE = 8,
	CTL_RESUME = 9,
	CTL_WATCH = 10, /* REPLY, then an OOM for every kill; the end is the container's */
	CTL_OOM = 11,	/* to who watches */
};

struct ctl_message {
	enum ctl_verb verb;
	int error;	  /* REPLY: 0 or a positive errno */
	int signo;	  /* KILL */
	bool is_all;	  /* KILL: every process of the container */
	const char *text; /* REPLY: borrowed; "" when there is nothing to say */
	int status;	  /* EXITED: as of a shell: 0-255, 128+n */
	uint32_t rows;	  /* RESIZE */
	uint32_t columns;
};

/* Sends one packet. Blocking sockets only wait for room. 0 or -errno (-EPIPE: the peer is gone). */
int ctl_send(int fd, const struct ctl_message *m);
/* The same with `count` descriptors, which stay the caller's. */
int ctl_send_fds(int fd, const struct ctl_message *m, const int *fds, size_t count);
/* Receives one packet into `m`, whose text lives in `buffer` (CTL_PACKET_MAX bytes).
 * 0, -EAGAIN, -ECONNRESET when the peer has closed, -EPROTO for a packet that is none of ours. */
int ctl_receive(int fd, struct ctl_message *m, uint8_t *buffer);
/* The same with descriptors: those that came are the caller's, the other slots become -1. */
int ctl_receive_fds(int fd, struct ctl_message *m, uint8_t *buffer, int fds[CTL_FD_MAX]);

/* Makes the listening socket inside the state directory: works for paths beyond sun_path. */
int ctl_listen(int state_dirfd, struct err *e);
/* Connects. -errno without a text: ECONNREFUSED or ENOENT when no monitor listens. */
int ctl_connect(int state_dirfd);

#endif
