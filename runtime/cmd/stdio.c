/* Choosing a process's streams. Must not relay: the monitor does. */
#include "runtime/cmd/stdio.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/guest.h"

/* /dev/null is the guest's own: nothing has to be relayed. A closed descriptor is one too. */
static uint8_t stdio_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return GUEST_STDIO_NULL;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) ? GUEST_STDIO_NULL
								  : GUEST_STDIO_PIPE;
}

static int stdio_open_tty(struct stdio_plan *io, const struct oci_process *p,
			  const char *console_socket, bool is_detached, struct err *e)
{
	struct winsize size;

	if (console_socket) {
		io->owns_tty = true;
		return tty_open_for_engine(console_socket, p->console_height, p->console_width,
					   &io->tty_fd, e);
	}
	if (is_detached)
		return err_set(e, -EINVAL,
			       "cannot allocate tty if vmrt will detach without setting console "
			       "socket");
	io->tty_fd = STDIN_FILENO;
	if (ioctl(io->tty_fd, TIOCGWINSZ, &size) == 0) {
		io->rows = size.ws_row;
		io->columns = size.ws_col;
	}
	io->caller_pidfd = pidfd_open(getpid(), 0);
	if (io->caller_pidfd < 0)
		return err_sys(e, -errno, "watching ourselves");
	return tty_make_raw(io->tty_fd, &io->raw, e);
}

int stdio_prepare(struct stdio_plan *io, const struct oci_process *p, const char *console_socket,
		  bool is_detached, struct err *e)
{
	int r;

	if (!p->terminal && console_socket)
		return err_set(e, -EINVAL,
			       "cannot use console socket if vmrt will not detach or "
			       "allocate tty");
	if (!p->terminal) {
		for (int i = 0; i < 3; i++) {
			io->fds[i] = i;
			io->kinds[i] = stdio_kind(i);
		}
		return 0;
	}
	r = stdio_open_tty(io, p, console_socket, is_detached, e);
	if (r < 0)
		return r;
	io->fds[0] = io->tty_fd;
	io->fds[1] = io->owns_tty ? io->tty_fd : 1;
	io->fds[2] = -1;
	io->kinds[0] = io->kinds[1] = GUEST_STDIO_PIPE;
	io->kinds[2] = GUEST_STDIO_NULL;
	return 0;
}

void stdio_set_size(const struct stdio_plan *io, struct guest_process *process)
{
	if (!io->rows && !io->columns)
		return;
	process->rows = io->rows;
	process->columns = io->columns;
}

void stdio_done(struct stdio_plan *io)
{
	tty_restore(&io->raw);
	io->raw.fd = -1;
	fd_close(&io->caller_pidfd);
	fd_close(&io->notify_from);
	fd_close(&io->notify_to);
	if (io->owns_tty)
		fd_close(&io->tty_fd);
}
