/* ENOSYS for system calls that are newer than the profile. Must not use a filter context.
 *
 * Profiles end in "everything else: EPERM", but a C library probes for new calls and falls back
 * only on ENOSYS. runc puts the same in front of its filters: what the profile's author cannot
 * have known does not exist. The rest of the program begins with loading its own words, so this one
 * may leave the accumulator as it likes. */
#include "runtime/seccomp/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#define STUB_X32_BIT	    0x40000000u
#define STUB_ARCH_MAX_INSNS 9 /* of one architecture in the program below */
#define STUB_END_INSNS	    2

struct stub {
	size_t count;
	struct sock_filter *at;
};

static struct sock_filter *stub_add(struct stub *s, uint16_t code, uint32_t k)
{
	struct sock_filter *f = &s->at[s->count++];

	*f = (struct sock_filter){.code = code, .k = k};
	return f;
}

/* The highest number of a call named in the profile, or -1. */
static int64_t stub_last_call(const struct oci_seccomp *profile, uint32_t arch)
{
	int64_t last = -1;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct oci_strings *names = &profile->rules[i].names;

		for (size_t n = 0; n < names->count; n++) {
			/* Negative: libseccomp's numbers for calls this architecture lacks. */
			int number = seccomp_syscall_resolve_name_arch(arch, names->at[n]);

			if (number > last)
				last = number;
		}
	}
	return last;
}

/* Two jumps whose targets, the end and the ENOSYS, are filled in by stub_link(). */
static void stub_compare(struct stub *s, int64_t last)
{
	stub_add(s, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last);
	stub_add(s, BPF_JMP | BPF_JA, 0);
}

/* x86-64's number and x32's are told apart by one bit of the call's number. */
static void stub_add_arch(struct stub *s, uint32_t audit_arch, int64_t last, int64_t last_x32)
{
	struct sock_filter *skip = stub_add(s, BPF_JMP | BPF_JEQ | BPF_K, audit_arch);
	size_t begin = s->count;

	stub_add(s, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (audit_arch == SCMP_ARCH_X86_64) {
		struct sock_filter *is_x32 = stub_add(s, BPF_JMP | BPF_JSET | BPF_K, STUB_X32_BIT);

		is_x32->jt = last >= 0 ? 2 : 1;
		if (last >= 0)
			stub_compare(s, last);
		else
			stub_add(s, BPF_JMP | BPF_JA, 0);
		last = last_x32;
	}
	if (last >= 0)
		stub_compare(s, last);
	else
		stub_add(s, BPF_JMP | BPF_JA, 0);
	skip->jf = (uint8_t)(s->count - begin);
}

/* Every architecture is left either behind the whole stub or to its last instruction. */
static void stub_link(struct stub *s)
{
	size_t enosys = s->count - 1;

	for (size_t i = 0; i < enosys; i++) {
		struct sock_filter *f = &s->at[i];

		if (f->code == (BPF_JMP | BPF_JGT | BPF_K))
			f->jt = (uint8_t)(enosys - i - 1);
		else if (f->code == (BPF_JMP | BPF_JA))
			f->k = (uint32_t)(enosys - i);
	}
}

static bool stub_has(const uint32_t *archs, size_t count, uint32_t arch)
{
	for (size_t i = 0; i < count; i++) {
		if (archs[i] == arch)
			return true;
	}
	return false;
}

static bool stub_is_wanted(const struct oci_seccomp *profile)
{
	if (profile->default_action == OCI_SECCOMP_ALLOW ||
	    profile->default_action == OCI_SECCOMP_LOG)
		return false;
	return !(profile->default_errno_ret.has && profile->default_errno_ret.value == ENOSYS);
}

size_t seccomp_stub_build(const struct oci_seccomp *profile, const uint32_t *archs, size_t count,
			  struct sock_filter ret[SECCOMP_STUB_MAX_INSNS])
{
	struct stub s = {.at = ret};

	if (!stub_is_wanted(profile))
		return 0;
	stub_add(&s, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < count; i++) {
		bool is_x32 = archs[i] == SCMP_ARCH_X32;
		/* x32's SCMP_ARCH is AUDIT_ARCH_X86_64 without a bit that no task has. */
		bool want_x32 =
			archs[i] == SCMP_ARCH_X86_64 && stub_has(archs, count, SCMP_ARCH_X32);
		int64_t last = stub_last_call(profile, archs[i]);
		int64_t last_x32 = want_x32 ? stub_last_call(profile, SCMP_ARCH_X32) : -1;

		if (is_x32 || (last < 0 && last_x32 < 0))
			continue;
		if (s.count + STUB_ARCH_MAX_INSNS + STUB_END_INSNS > SECCOMP_STUB_MAX_INSNS)
			return 0;
		stub_add_arch(&s, archs[i], last, last_x32);
	}
	stub_add(&s, BPF_JMP | BPF_JA, 0);
	stub_add(&s, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	stub_link(&s);
	return s.count;
}
