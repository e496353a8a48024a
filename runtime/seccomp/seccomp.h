/* From the seccomp profile of config.json to the BPF program that the guest loads.
 *
 *   struct oci_seccomp ── libseccomp, for the guest's architecture ──┐
 *                      └─ stub.c: ENOSYS for calls newer than it ────┴─> struct guest_seccomp
 *
 * Pure but for a memory file that libseccomp writes into. */
#ifndef VMRT_SECCOMP_H
#define VMRT_SECCOMP_H

#include <linux/filter.h>

#include "lib/guest.h"
#include "runtime/oci/config.h"

/* `arch` in OCI spelling ("amd64"). Fails, naming the member, for what cannot be compiled: an
 * architecture of the other byte order, SCMP_ACT_NOTIFY. As in runc, system calls that libseccomp
 * does not know are left out, and so are rules that say what the default action says. `ret` owns
 * its program: free(ret->insns). */
int seccomp_compile(const struct oci_seccomp *profile, const char *arch, struct guest_seccomp *ret,
		    struct err *e) VMRT_MUST_CHECK;

/* SCMP_ARCH_* of an architecture in OCI spelling, 0 if libseccomp has none. */
uint32_t seccomp_arch_of(const char *arch);

#define SECCOMP_STUB_MAX_INSNS 192

/* stub.c: writes the program that stands before libseccomp's: a system call above the highest one
 * the profile names gets ENOSYS, so that a libc that is newer than the profile falls back. `archs`
 * holds every architecture of the filter once. Returns the number of instructions, 0 for none. */
size_t seccomp_stub_build(const struct oci_seccomp *profile, const uint32_t *archs, size_t count,
			  struct sock_filter ret[SECCOMP_STUB_MAX_INSNS]);

#endif
