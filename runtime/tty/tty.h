/* Terminals of the host: a pty for an engine, the caller's own terminal for a person.
 *
 * The line discipline that people type into is the guest's: on the host everything is raw. */
#ifndef VMRT_TTY_H
#define VMRT_TTY_H

#include <stdbool.h>
#include <termios.h>

#include "lib/err.h"

/* Opens a pty whose slave is raw, and sends its master to the AF_UNIX socket at `path`: one
 * message, the name "/dev/ptmx", one descriptor. Size 0x0: left unset. The slave is the caller's,
 * CLOEXEC, and not its controlling terminal. */
int tty_open_for_engine(const char *path, unsigned int rows, unsigned int columns,
			int *ret_slave_fd, struct err *e) VMRT_MUST_CHECK;

/* The caller's own terminal, switched to raw until tty_restore(). */
struct tty_raw {
	int fd; /* -1: none */
	struct termios saved;
};

int tty_make_raw(int fd, struct tty_raw *ret, struct err *e) VMRT_MUST_CHECK;
/* Raw once more, after somebody else had the terminal. */
void tty_again_raw(const struct tty_raw *t);
void tty_restore(const struct tty_raw *t);

#endif
