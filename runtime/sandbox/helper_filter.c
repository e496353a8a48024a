/* What a program that serves files never does, and who has taken it over would try. Must not load
 * the filter: sandbox.c does, in the child. */
#include "runtime/sandbox/helper_filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/sandbox/never.h"

#ifdef __s390__
#define CLONE_FLAGS_INDEX 1
#else
#define CLONE_FLAGS_INDEX 0
#endif

static int filter_deny(scmp_filter_ctx filter, const char *name, int error,
		       const struct scmp_arg_cmp *condition)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)error), number,
				      condition ? 1 : 0, condition);
}

static int filter_fill(scmp_filter_ctx filter)
{
	/* A user namespace of its own would give all capabilities back, to try the kernel with. */
	const struct scmp_arg_cmp unshared =
		SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER);
	const struct scmp_arg_cmp cloned =
		SCMP_CMP(CLONE_FLAGS_INDEX, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER);
	const struct scmp_arg_cmp not_local = SCMP_CMP(0, SCMP_CMP_NE, AF_UNIX);
	int r = never_add(filter, SCMP_ACT_ERRNO(EPERM));

	if (r == 0)
		r = filter_deny(filter, "syslog", EPERM, NULL);
	if (r == 0)
		r = filter_deny(filter, "vhangup", EPERM, NULL);
	if (r == 0)
		r = filter_deny(filter, "unshare", EPERM, &unshared);
	if (r == 0)
		r = filter_deny(filter, "clone", EPERM, &cloned);
	/* Its flags are in memory, where no filter sees them: C libraries then use clone. */
	if (r == 0)
		r = filter_deny(filter, "clone3", ENOSYS, NULL);
	return r < 0 ? r : filter_deny(filter, "socket", EPERM, &not_local);
}

/* libseccomp 2.5 writes a program to a descriptor only. */
static int filter_export(scmp_filter_ctx filter, struct sock_fprog *ret)
{
	auto_close int fd = memfd_create("vmrt-filter", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	off_t size = r < 0 ? 0 : lseek(fd, 0, SEEK_END);

	if (r < 0)
		return r;
	if (size <= 0 || (size_t)size > BPF_MAXINSNS * sizeof(*ret->filter) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	ret->filter = xmalloc((size_t)size);
	ret->len = (unsigned short)((size_t)size / sizeof(*ret->filter));
	return fd_read_all(fd, ret->filter, (size_t)size) == size ? 0 : -EIO;
}

int helper_filter_make(struct sock_fprog *ret, struct err *e)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? filter_fill(filter) : -ENOMEM;

	*ret = (struct sock_fprog){0};
	/* A tree instead of a chain; an old libseccomp has only the chain. */
	if (r == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = filter_export(filter, ret);
	seccomp_release(filter);
	return r < 0 ? err_sys(e, r, "making the filter of system calls") : 0;
}

void helper_filter_done(struct sock_fprog *filter)
{
	free(filter->filter);
	*filter = (struct sock_fprog){0};
}
