/* The container's seccomp filter. Must not compile or change it: the host has. */
#include "init/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/wording.h"

static struct guest_seccomp seccomp_kept;

void seccomp_keep(struct guest_seccomp *from)
{
	free(seccomp_kept.insns);
	seccomp_kept = *from;
	*from = (struct guest_seccomp){0};
}

int seccomp_load(struct err *e)
{
	struct sock_fprog program = {
		.len = (unsigned short)seccomp_kept.count,
		.filter = seccomp_kept.insns,
	};

	if (!seccomp_kept.count)
		return 0;
	/* With TSYNC a positive result is the thread that could not follow: there is one only. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp_kept.flags, &program) != 0)
		return err_set(e, -errno, "unable to init seccomp: loading the filter: %s",
			       wording_errno(errno));
	return 0;
}
