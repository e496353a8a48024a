/* Giving up privileges between fork and exec. System calls only; must not allocate or log.
 *
 * libcap names the sets and reads ours before the fork; in the child the raw system calls are
 * used, because libcap's setters may allocate. */
#include "runtime/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SANDBOX_CAP(c) (UINT64_C(1) << (c))
/* Two descriptors for each of VM_BUS_PORTS, two for each NIC, a few dozen of its own. */
#define SANDBOX_QEMU_FILES	   1024
#define SANDBOX_USER_NETWORK_FILES 16384
#define SANDBOX_SHARING_FILES	   65536 /* what the guest has open in the share */
/* One for each of at most 64 vCPUs, a pool of at most 64 for files, a handful of its own. */
#define SANDBOX_QEMU_THREADS 256

/* What the caller itself may use. */
static uint64_t sandbox_own_caps(void)
{
	cap_t caps = cap_get_proc();
	uint64_t mask = 0;

	if (!caps)
		return 0;
	for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++) {
		cap_flag_value_t is_set = CAP_CLEAR;

		if (cap_get_flag(caps, c, CAP_PERMITTED, &is_set) == 0 && is_set == CAP_SET)
			mask |= SANDBOX_CAP(c);
	}
	cap_free(caps);
	return mask;
}

void sandbox_init_qemu(struct sandbox *ret, uid_t id)
{
	*ret = (struct sandbox){
		.no_new_privs = true,
		.want_ids = true,
		.uid = id,
		.gid = id,
		.nofile = SANDBOX_QEMU_FILES,
		.nproc = SANDBOX_QEMU_THREADS,
		.want_no_memlock = true,
	};
}

void sandbox_allow_user_network(struct sandbox *s, bool want_low_ports)
{
	s->nofile = SANDBOX_USER_NETWORK_FILES;
	if (!want_low_ports)
		return;
	s->keep_caps |= SANDBOX_CAP(CAP_NET_BIND_SERVICE) & sandbox_own_caps();
	s->ambient_caps |= s->keep_caps & SANDBOX_CAP(CAP_NET_BIND_SERVICE);
}

void sandbox_allow_sharing(struct sandbox *s)
{
	const uint64_t wanted = SANDBOX_CAP(CAP_CHOWN) | SANDBOX_CAP(CAP_DAC_OVERRIDE) |
				SANDBOX_CAP(CAP_FOWNER) | SANDBOX_CAP(CAP_FSETID);

	s->nofile = SANDBOX_SHARING_FILES;
	s->keep_caps |= wanted & sandbox_own_caps();
	s->ambient_caps |= wanted & sandbox_own_caps();
}

void sandbox_init_virtiofsd(struct sandbox *ret)
{
	/* Namespaces, pivot_root and mounts: SYS_ADMIN; dropping the rest: SETPCAP; a higher limit
	 * on open files where the host grants it: SYS_RESOURCE. All three are gone when it serves.
	 * Serving as any user of the guest: the others. */
	const uint64_t wanted = SANDBOX_CAP(CAP_SYS_ADMIN) | SANDBOX_CAP(CAP_SETPCAP) |
				SANDBOX_CAP(CAP_SYS_RESOURCE) | SANDBOX_CAP(CAP_CHOWN) |
				SANDBOX_CAP(CAP_DAC_OVERRIDE) | SANDBOX_CAP(CAP_DAC_READ_SEARCH) |
				SANDBOX_CAP(CAP_FOWNER) | SANDBOX_CAP(CAP_FSETID) |
				SANDBOX_CAP(CAP_SETGID) | SANDBOX_CAP(CAP_SETUID) |
				SANDBOX_CAP(CAP_MKNOD) | SANDBOX_CAP(CAP_SETFCAP);

	*ret = (struct sandbox){.no_new_privs = true, .keep_caps = wanted & sandbox_own_caps()};
}

void sandbox_init_passt(struct sandbox *ret)
{
	*ret = (struct sandbox){
		.want_ids = true,
		.uid = SANDBOX_NOBODY,
		.gid = SANDBOX_NOBODY,
		.no_new_privs = true,
	};
}

static int sandbox_write_oom_score_adj(int value)
{
	char text[16];
	size_t at = sizeof(text);
	unsigned int rest = value < 0 ? 0U - (unsigned int)value : (unsigned int)value;
	int fd;
	int r = 0;

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		text[--at] = '-';
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Below the inherited value needs CAP_SYS_RESOURCE, which containers of CI systems lack:
	 * the inherited value then stays, which protects less than asked and breaks nothing. */
	if (write(fd, text + at, sizeof(text) - at) < 0 && errno != EACCES && errno != EPERM)
		r = -errno;
	close(fd);
	return r;
}

/* Soft and hard: what is behind the sandbox cannot raise it. Lower ones of the host's stay. */
static int sandbox_cut_limit(__rlimit_resource_t what, uint64_t most)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) < 0)
		return -errno;
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	if (limit.rlim_cur > limit.rlim_max || what == RLIMIT_NOFILE)
		limit.rlim_cur = limit.rlim_max;
	return setrlimit(what, &limit) < 0 ? -errno : 0;
}

static int sandbox_set_limits(const struct sandbox *s)
{
	int r = sandbox_cut_limit(RLIMIT_CORE, 0);

	if (r == 0 && s->nofile)
		r = sandbox_cut_limit(RLIMIT_NOFILE, s->nofile);
	if (r == 0 && s->nproc)
		r = sandbox_cut_limit(RLIMIT_NPROC, s->nproc);
	if (r == 0 && s->want_no_memlock)
		r = sandbox_cut_limit(RLIMIT_MEMLOCK, 0);
	return r;
}

/* An unknown capability number ends the loop: the kernel's list is as long as it is. */
static int sandbox_drop_bounding(uint64_t keep)
{
	for (unsigned long c = 0; c < 64; c++) {
		if (keep & SANDBOX_CAP(c))
			continue;
		if (prctl(PR_CAPBSET_READ, c) < 0)
			break;
		if (prctl(PR_CAPBSET_DROP, c) < 0)
			return -errno;
	}
	return 0;
}

static int sandbox_switch_ids(const struct sandbox *s)
{
	if (s->keep_caps && prctl(PR_SET_KEEPCAPS, 1UL) < 0)
		return -errno;
	/* Raw calls: glibc's wrappers look for other threads to tell. */
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0 ||
	    syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0)
		return -errno;
	return 0;
}

static int sandbox_set_caps(uint64_t keep, uint64_t ambient)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(keep >> (32 * i));
		data[i].permitted = (uint32_t)(keep >> (32 * i));
		data[i].inheritable = (uint32_t)(ambient >> (32 * i));
	}
	/* Kernels without ambient capabilities answer EINVAL: then there are none. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) < 0 && errno != EINVAL)
		return -errno;
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	for (unsigned long c = 0; c < 64; c++) {
		if ((ambient & SANDBOX_CAP(c)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0UL, 0UL) < 0)
			return -errno;
	}
	return 0;
}

int sandbox_apply_limits(const struct sandbox *s, const char **ret_stage)
{
	int r;

	umask(077);
	*ret_stage = "setting oom_score_adj";
	if (s->has_oom_score_adj) {
		r = sandbox_write_oom_score_adj(s->oom_score_adj);
		if (r < 0)
			return r;
	}
	*ret_stage = "setting resource limits";
	return sandbox_set_limits(s);
}

int sandbox_apply_rights(const struct sandbox *s, const char **ret_stage)
{
	int r;

	*ret_stage = "dropping bounding capabilities";
	r = sandbox_drop_bounding(s->keep_caps);
	if (r < 0)
		return r;
	*ret_stage = "changing user and group";
	if (s->want_ids) {
		r = sandbox_switch_ids(s);
		if (r < 0)
			return r;
	}
	*ret_stage = "dropping capabilities";
	r = sandbox_set_caps(s->keep_caps, s->ambient_caps);
	if (r < 0)
		return r;
	*ret_stage = "setting no_new_privs";
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return -errno;
	*ret_stage = "loading the filter of system calls";
	if (s->filter && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, s->filter) < 0)
		return -errno;
	return 0;
}
