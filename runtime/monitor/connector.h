/* Connecting to the host's sockets that are mounted into the container, in a process of its own: it
 * may change its user, which the monitor, who reads what the guest sends, may not.
 *
 *   monitor ──{connection, socket, uid, gid}──> connector ──connect(2)──> the socket
 *           <──{connection, errno} and the descriptor──
 *
 * It knows sockets by number, opened at create time: there is no path in a request. */
#ifndef VMRT_MONITOR_CONNECTOR_H
#define VMRT_MONITOR_CONNECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

struct connector_request {
	uint32_t connection; /* comes back with the answer */
	uint32_t socket;
	uint32_t uid;
	uint32_t gid;
};

struct connector_answer {
	uint32_t connection;
	int error; /* errno; 0: connected. EAGAIN: the server's queue is full at the moment */
};

/* Starts it with those sockets (O_PATH), which stay the caller's. `ret_fd` gets a non-blocking
 * SOCK_SEQPACKET socket: requests in, answers out. */
int connector_start(const int *sockets, size_t count, int *ret_fd, struct err *e) VMRT_MUST_CHECK;

/* 0, or -errno: -EAGAIN when too many are under way. */
int connector_send(int fd, const struct connector_request *r) VMRT_MUST_CHECK;

/* Takes an answer; `ret_socket` gets the connected, non-blocking socket or -1. 1, 0 when there is
 * none now, -errno when the connector is gone. */
int connector_receive(int fd, struct connector_answer *ret, int *ret_socket) VMRT_MUST_CHECK;

#endif
