/* Loaded into QEMU where its user-mode network has ports of the host's: its library, libslirp,
 * listens with room for one connection that is not accepted yet. Others wait for their clients to
 * ask again, for seconds each time. Must not do anything else. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BACKLOG_MIN 4096 /* the host cuts it: net.core.somaxconn */

int listen(int fd, int backlog)
{
	return (int)syscall(SYS_listen, fd, backlog < BACKLOG_MIN ? BACKLOG_MIN : backlog);
}
