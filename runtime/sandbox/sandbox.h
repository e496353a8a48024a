/* What a child gives up before it executes a helper program (QEMU, virtiofsd).
 *
 * A plan is filled by the caller before the fork; sandbox_apply() runs in the child and makes
 * system calls only. Must not fork, allocate or log. Namespaces are the business of proc/spawn. */
#ifndef VMRT_SANDBOX_H
#define VMRT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

/* passt's user and group. */
#define SANDBOX_NOBODY 65534

struct sock_fprog;

struct sandbox {
	bool want_ids; /* switch to uid/gid with no supplementary groups */
	uid_t uid;
	gid_t gid;
	uint64_t keep_caps;    /* bit N: capability N stays permitted, effective and bounding;
				  all others leave every set */
	uint64_t ambient_caps; /* of these, what a program that is not root's keeps as well */
	bool no_new_privs;
	const struct sock_fprog *filter; /* of system calls, with no_new_privs; NULL: none */
	bool has_oom_score_adj;
	int oom_score_adj;
	/* RLIMIT_CORE is 0 and the umask 077 for everybody. Others only where asked for: */
	uint64_t nofile; /* RLIMIT_NOFILE, cut at the hard limit; 0: leave */
	uint64_t nproc;	 /* RLIMIT_NPROC, of all processes of that uid; 0: leave */
	bool want_no_memlock;
};

/* QEMU: an uid of its own, no capability at all, no way to get one. */
void sandbox_init_qemu(struct sandbox *ret, uid_t id);

/* QEMU's own user-mode network: a descriptor for each connection of the guest; for a container with
 * the host's network the ports below 1024 as well. */
void sandbox_allow_user_network(struct sandbox *s, bool want_low_ports);

/* QEMU's own 9p server: what serving files as any user takes, in a root that has nothing else that
 * could be changed. */
void sandbox_allow_sharing(struct sandbox *s);

/* virtiofsd: what its own namespace sandbox needs to begin (it drops the rest itself) and what
 * serving files as root needs. Capabilities the caller itself lacks are left out. */
void sandbox_init_virtiofsd(struct sandbox *ret);

/* passt: nobody's user, no capability. It makes a user namespace for what else it needs. */
void sandbox_init_passt(struct sandbox *ret);

/* Both run in the child, after fork. 0 or -errno; `ret_stage` names the step that failed (static
 * text). First limits and oom_score_adj, while /proc is writable; then, when mounts are done,
 * ids and capabilities. */
int sandbox_apply_limits(const struct sandbox *s, const char **ret_stage) VMRT_MUST_CHECK;
int sandbox_apply_rights(const struct sandbox *s, const char **ret_stage) VMRT_MUST_CHECK;

#endif
