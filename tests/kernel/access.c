/*
 * access.c: what a server may not do that its guest may. It runs without CAP_FOWNER
 * (tests/kernel/run) and so as one in a user namespace does with files of others.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void test_access(void)
{
	int fd = open(SHARE "/others", O_RDONLY | O_NOATIME);
	char byte;

	tap_result(fd >= 0 && read(fd, &byte, 1) == 1,
		   "root opens a file of others with O_NOATIME, the server may not");
	if (fd >= 0)
		close(fd);
	/* That the server's word still counts. */
	tap_result(open(SHARE "/missing", O_RDONLY | O_NOATIME) < 0 && errno == ENOENT,
		   "one that is missing is missing");
}
