/* Asking the kernel for the type of a namespace file (ioctl_ns(2)). Must not enter it. */
#include "runtime/proc/nstype.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>

#include "lib/fd.h"

int nstype_of(const char *path)
{
	/* O_NONBLOCK: it may be a FIFO. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int type;

	if (fd < 0)
		return -errno;
	type = ioctl(fd, NS_GET_NSTYPE);
	return type < 0 ? 0 : type;
}
