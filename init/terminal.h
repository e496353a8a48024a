/* The guest's side of a terminal: a pty of the container's own devpts. */
#ifndef VMRT_INIT_TERMINAL_H
#define VMRT_INIT_TERMINAL_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/guest.h"

/* In the new process, a session leader: makes a pty, its slave the controlling terminal and stdin,
 * stdout and stderr, owned by the process's user. `root_fd` is the container's root. The master,
 * CLOEXEC, is the caller's. */
int terminal_make(int root_fd, const struct guest_process *p, int *ret_master,
		  struct err *e) VMRT_MUST_CHECK;

/* Puts the slave that is stdin at /dev/console as well, as runc does for the container's own
 * process. While mounts can be made. */
int terminal_make_console(int root_fd, struct err *e) VMRT_MUST_CHECK;

/* SIGWINCH follows, if it is another size. */
void terminal_resize(int master, uint16_t rows, uint16_t columns);

/* A descriptor of the slave for one who has the master, not as a controlling terminal. */
int terminal_open_slave(int master);

#endif
