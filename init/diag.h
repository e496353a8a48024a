/* The kernel's dumps of sockets (sock_diag(7)). Must not draw conclusions. */
#ifndef VMRT_INIT_DIAG_H
#define VMRT_INIT_DIAG_H

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

/* A netlink socket for dumps, or -errno. */
int diag_open(void);

/* Calls `call` for each socket of AF_INET and AF_INET6 whose state is in `states` (1 << TCP_...).
 * `message` is the whole of it, with its attributes. 0 or -errno. */
int diag_dump(int fd, int protocol, uint32_t states,
	      void (*call)(const struct nlmsghdr *message, void *arg), void *arg);

#endif
