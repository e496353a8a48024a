/* The user, groups and capabilities of the container's process, by plain system calls. Must not
 * know a user's name. */
#include "init/credentials.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/wording.h"

#define CREDENTIALS_MAX_CAPS 64 /* the sets travel as 64 bits */

static uint64_t credentials_set(const struct guest_process *p, enum guest_cap_set set)
{
	return p->has_caps ? p->caps[set] : 0;
}

static bool credentials_is_known(int cap)
{
	return prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
}

int credentials_begin(const struct guest_process *p, struct err *e)
{
	uint64_t keep = credentials_set(p, GUEST_CAP_BOUNDING);

	for (int cap = 0; cap < CREDENTIALS_MAX_CAPS && credentials_is_known(cap); cap++) {
		if (!(keep & (1ULL << cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_set(e, -errno, "unable to apply bounding set: %s",
				       wording_errno(errno));
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(e, -errno, "unable to set keep caps: %s", wording_errno(errno));
	return 0;
}

int credentials_set_user(const struct guest_process *p, struct err *e)
{
	/* The system calls, not the C library's wrappers: those look for threads to change too. */
	if (syscall(SYS_setgroups, (size_t)p->group_count, p->groups) < 0)
		return err_set(e, -errno, "setgroups: %s", wording_errno(errno));
	if (syscall(SYS_setresgid, p->gid, p->gid, p->gid) < 0)
		return err_set(e, -errno, "setgid: %s", wording_errno(errno));
	if (syscall(SYS_setresuid, p->uid, p->uid, p->uid) < 0)
		return err_set(e, -errno, "setuid: %s", wording_errno(errno));
	return 0;
}

/* An ambient capability that is not inheritable cannot be; what `runc spec` writes asks for such,
 * and runc passes over them in silence. */
static int credentials_raise_ambient(uint64_t set)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (int cap = 0; cap < CREDENTIALS_MAX_CAPS && credentials_is_known(cap); cap++) {
		if ((set & (1ULL << cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0 && errno != EPERM)
			return -errno;
	}
	return 0;
}

/* Capabilities this kernel does not have are left out, as runc does. */
static uint64_t credentials_known_mask(void)
{
	uint64_t mask = 0;

	for (int cap = 0; cap < CREDENTIALS_MAX_CAPS && credentials_is_known(cap); cap++)
		mask |= 1ULL << cap;
	return mask;
}

int credentials_finish(const struct guest_process *p, struct err *e)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t known = credentials_known_mask();
	uint64_t effective = credentials_set(p, GUEST_CAP_EFFECTIVE) & known;
	uint64_t permitted = credentials_set(p, GUEST_CAP_PERMITTED) & known;
	uint64_t inheritable = credentials_set(p, GUEST_CAP_INHERITABLE) & known;
	int r;

	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_set(e, -errno, "unable to clear keep caps: %s", wording_errno(errno));
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	r = syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
	if (!r)
		r = credentials_raise_ambient(credentials_set(p, GUEST_CAP_AMBIENT) & known);
	if (r < 0)
		return err_set(e, r, "unable to apply caps: %s", wording_errno(-r));
	return 0;
}
