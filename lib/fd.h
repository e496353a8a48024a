/* File descriptors: -1 is the only "none", closed once and never retried, CLOEXEC at birth. */
#ifndef VMRT_LIB_FD_H
#define VMRT_LIB_FD_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* Closes *fd unless it is -1, sets it to -1, keeps errno. For __attribute__((cleanup)). */
static inline void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

#define auto_close __attribute__((cleanup(fd_close)))

/* Hands an auto_close descriptor over: the variable becomes -1. */
#define take_fd(fd)                                                                                \
	({                                                                                         \
		int take_fd_v = (fd);                                                              \
		(fd) = -1;                                                                         \
		take_fd_v;                                                                         \
	})

/* Writes all of it to a blocking descriptor. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t size);

/* Reads until end-of-file or `size` bytes. Bytes read or -errno. */
ssize_t fd_read_all(int fd, void *data, size_t size);

/* Reads what is left, at most `limit` bytes, into a new buffer with a NUL behind it (not counted),
 * owned by the caller. 0, -EFBIG, or -errno. */
int fd_read_text(int fd, size_t limit, char **ret_text, size_t *ret_size);

/* The same of a whole file. */
int fd_read_file(int dirfd, const char *path, size_t limit, char **ret_text, size_t *ret_size);

/* Sends `data` and the descriptor `fd` as one control message (unix(7), SCM_RIGHTS). The caller
 * keeps `fd`. 0 or -errno. */
int fd_send(int socket_fd, const void *data, size_t size, int fd);

/* Sets or clears O_NONBLOCK (it belongs to the open file description: others share it). */
int fd_set_nonblock(int fd, int on);

/* Sets or clears FD_CLOEXEC. */
int fd_set_cloexec(int fd, int on);

#endif
