/* Terminals of the host. Must not know containers. */
#include "runtime/tty/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fd.h"

#define TTY_MASTER_NAME "/dev/ptmx"

static int tty_connect(const char *path, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int dir = -1;

	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
	} else {
		/* Longer than a socket's address: by way of its folder. */
		char folder[PATH_MAX];
		const char *name = strrchr(path, '/') + 1;

		snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%.64s", dir,
			 name);
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(e, -errno, "connecting to the console socket '%s'", path);
	return take_fd(fd);
}

int tty_open_for_engine(const char *path, unsigned int rows, unsigned int columns,
			int *ret_slave_fd, struct err *e)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	auto_close int socket_fd = tty_connect(path, e);
	auto_close int master = -1;
	auto_close int slave = -1;
	struct termios mode;
	int r;

	if (socket_fd < 0)
		return socket_fd;
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || unlockpt(master) < 0)
		return err_sys(e, -errno, "making a terminal");
	/* Not by name: the devpts of the master need not be the one at /dev/pts. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &mode) < 0)
		return err_sys(e, -errno, "opening the terminal's other side");
	cfmakeraw(&mode);
	if (tcsetattr(slave, TCSANOW, &mode) < 0 ||
	    ((rows || columns) && ioctl(master, TIOCSWINSZ, &size) < 0))
		return err_sys(e, -errno, "setting the terminal up");
	/* Engines check all of it: one control message with exactly one descriptor. */
	r = fd_send(socket_fd, TTY_MASTER_NAME, strlen(TTY_MASTER_NAME), master);
	if (r < 0)
		return err_sys(e, r, "sending the terminal to the console socket");
	*ret_slave_fd = take_fd(slave);
	return 0;
}

void tty_again_raw(const struct tty_raw *t)
{
	struct termios mode = t->saved;

	if (t->fd < 0)
		return;
	cfmakeraw(&mode);
	tcsetattr(t->fd, TCSADRAIN, &mode);
}

int tty_make_raw(int fd, struct tty_raw *ret, struct err *e)
{
	ret->fd = -1;
	if (tcgetattr(fd, &ret->saved) < 0)
		return err_set(e, -errno, "process.terminal: standard input is not a terminal");
	ret->fd = fd;
	tty_again_raw(ret);
	return 0;
}

void tty_restore(const struct tty_raw *t)
{
	if (t->fd >= 0)
		tcsetattr(t->fd, TCSADRAIN, &t->saved);
}
