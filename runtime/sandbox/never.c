/* One table for all filters. Must not decide what becomes of who tries. */
#include "runtime/sandbox/never.h"

#include <stddef.h>

static const char *const never_calls[] = {
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"pidfd_getfd",
	"kcmp",
	"setns",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"keyctl",
	"add_key",
	"request_key",
	"reboot",
	"swapon",
	"swapoff",
	"iopl",
	"ioperm",
	"acct",
	"quotactl",
	"personality",
	"clock_settime",
	"settimeofday",
	"adjtimex",
	"clock_adjtime",
	"execveat",
};

int never_add(scmp_filter_ctx filter, uint32_t action)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(never_calls) / sizeof(*never_calls); i++) {
		int number = seccomp_syscall_resolve_name(never_calls[i]);

		if (number != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, action, number, 0);
	}
	return r;
}
