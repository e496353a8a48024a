/* What a process's three streams are on the host: the caller's descriptors, an engine's pty, or
 * the caller's own terminal. */
#ifndef VMRT_CMD_STDIO_H
#define VMRT_CMD_STDIO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/guest.h"
#include "runtime/oci/config.h"
#include "runtime/tty/tty.h"

struct stdio_plan {
	int fds[3];	  /* for the monitor's relays; borrowed: 0, 1, 2, or tty_fd */
	uint8_t kinds[3]; /* enum guest_stdio */
	int tty_fd;	  /* whose size counts; -1: no terminal */
	uint16_t rows;	  /* of the caller's own terminal; 0: not known */
	uint16_t columns;
	bool owns_tty;	    /* tty_fd is the slave of a pty that was made for this */
	int caller_pidfd;   /* ourselves, for whoever must know when we are gone; -1: nobody */
	struct tty_raw raw; /* the caller's own terminal, raw; fd -1: it is not used */
	int notify_from;    /* service notifications that the waiting command has to pass on, */
	int notify_to;	    /* to here; owned; -1: none */
};

#define STDIO_NONE                                                                                 \
	{                                                                                          \
		.fds = {-1, -1, -1}, .tty_fd = -1, .caller_pidfd = -1, .raw = {.fd = -1},          \
		.notify_from = -1, .notify_to = -1                                                 \
	}

/* Without a terminal: 0, 1 and 2. With one: a pty whose master goes to `console_socket`, or
 * without that the caller's own terminal, which is raw from here to stdio_done(). */
int stdio_prepare(struct stdio_plan *io, const struct oci_process *p, const char *console_socket,
		  bool is_detached, struct err *e) VMRT_MUST_CHECK;
void stdio_done(struct stdio_plan *io);

/* The caller's own terminal has a size, which counts more than the config's. */
void stdio_set_size(const struct stdio_plan *io, struct guest_process *process);

#endif
