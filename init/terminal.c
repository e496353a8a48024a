/* The guest's side of a terminal. Must not move bytes. */
#include "init/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <termios.h>
#include <unistd.h>

#include "init/inroot.h"
#include "init/mounts.h"
#include "init/wording.h"
#include "lib/fd.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* Not by name: whatever is at /dev/pts, the slave is in the master's file system. */
int terminal_open_slave(int master)
{
	return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

void terminal_resize(int master, uint16_t rows, uint16_t columns)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};

	/* Of a terminal that has hung up. */
	(void)ioctl(master, TIOCSWINSZ, &size);
}

static int terminal_attach(int slave, const struct guest_process *p)
{
	/* As runc: its user, but the group that devpts was mounted with. */
	if (p->uid && fchown(slave, p->uid, (gid_t)-1) < 0)
		return -errno;
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		if (dup2(slave, i) < 0)
			return -errno;
	}
	return 0;
}

int terminal_make(int root_fd, const struct guest_process *p, int *ret_master, struct err *e)
{
	auto_close int master = inroot_open(root_fd, "/dev/ptmx", O_RDWR | O_NOCTTY);
	auto_close int slave = -1;
	int lock = 0;
	int r;

	if (master < 0)
		return err_set(e, master, "open /dev/ptmx: %s", wording_errno(-master));
	if (ioctl(master, TIOCSPTLCK, &lock) < 0)
		return err_set(e, -errno, "unlocking a terminal: %s", wording_errno(errno));
	slave = terminal_open_slave(master);
	if (slave < 0)
		return err_set(e, -errno, "opening a terminal: %s", wording_errno(errno));
	if (p->rows || p->columns)
		terminal_resize(master, p->rows, p->columns);
	r = terminal_attach(slave, p);
	if (r < 0)
		return err_set(e, r, "setting a terminal up: %s", wording_errno(-r));
	*ret_master = take_fd(master);
	return 0;
}

int terminal_make_console(int root_fd, struct err *e)
{
	auto_close int fd = inroot_make(root_fd, "/dev/console", true);
	char from[MOUNTS_FD_PATH_BYTES];
	char to[MOUNTS_FD_PATH_BYTES];

	if (fd < 0)
		return err_set(e, fd, "open /dev/console: %s", wording_errno(-fd));
	mounts_fd_path(from, STDIN_FILENO);
	mounts_fd_path(to, fd);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return err_set(e, -errno, "mounting /dev/console: %s", wording_errno(errno));
	return 0;
}
