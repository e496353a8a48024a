/* The words container engines know from runc. Must not decide what went wrong.
 *
 * Not strerror(): its texts differ between C libraries ("Symbolic link loop"), and engines turn
 * "no such file or directory" and "permission denied" into exit codes 127 and 126. */
#include "init/wording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const wording_table[] = {
	[E2BIG] = "argument list too long",
	[EACCES] = "permission denied",
	[EAGAIN] = "resource temporarily unavailable",
	[EBADF] = "bad file descriptor",
	[EBUSY] = "device or resource busy",
	[EEXIST] = "file exists",
	[EFAULT] = "bad address",
	[EFBIG] = "file too large",
	[EINTR] = "interrupted system call",
	[EINVAL] = "invalid argument",
	[EIO] = "input/output error",
	[EISDIR] = "is a directory",
	[ELIBBAD] = "accessing a corrupted shared library",
	[ELOOP] = "too many levels of symbolic links",
	[EMFILE] = "too many open files",
	[EMLINK] = "too many links",
	[ENAMETOOLONG] = "file name too long",
	[ENFILE] = "too many open files in system",
	[ENODEV] = "no such device",
	[ENOENT] = "no such file or directory",
	[ENOEXEC] = "exec format error",
	[ENOMEM] = "cannot allocate memory",
	[ENOSPC] = "no space left on device",
	[ENOSYS] = "function not implemented",
	[ENOTBLK] = "block device required",
	[ENOTDIR] = "not a directory",
	[ENOTSUP] = "operation not supported",
	[ENXIO] = "no such device or address",
	[EPERM] = "operation not permitted",
	[EPIPE] = "broken pipe",
	[EROFS] = "read-only file system",
	[ESRCH] = "no such process",
	[ESTALE] = "stale NFS file handle",
	[ETXTBSY] = "text file busy",
	[EXDEV] = "invalid cross-device link",
};

const char *wording_errno(int number)
{
	static char other[24];

	if (number > 0 && (size_t)number < sizeof(wording_table) / sizeof(*wording_table) &&
	    wording_table[number])
		return wording_table[number];
	snprintf(other, sizeof(other), "errno %d", number);
	return other;
}

static const char *wording_escape(unsigned char c, char buf[5])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\t':
		return "\\t";
	case '\r':
		return "\\r";
	default:
		if (c < 0x20 || c == 0x7f) {
			snprintf(buf, 5, "\\x%02x", c);
		} else {
			buf[0] = (char)c;
			buf[1] = '\0';
		}
		return buf;
	}
}

char *wording_quote(char *to, size_t room, const char *text)
{
	size_t used = 0;

	to[used++] = '"';
	for (; *text; text++) {
		char buf[5];
		const char *piece = wording_escape((unsigned char)*text, buf);
		size_t size = strlen(piece);

		if (used + size + 2 > room)
			break;
		memcpy(to + used, piece, size);
		used += size;
	}
	to[used++] = '"';
	to[used] = '\0';
	return to;
}
