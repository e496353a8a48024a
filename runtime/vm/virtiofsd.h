/* The virtiofsd program: finding it, telling its two flavours apart, its arguments.
 *
 * The difference between the C one (Debian 12, inside qemu-system-common) and the Rust one
 * (everywhere else) is known to this file alone. Must not start anything but `--version`. */
#ifndef VMRT_VM_VIRTIOFSD_H
#define VMRT_VM_VIRTIOFSD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/proc/strv.h"

enum virtiofsd_kind { VIRTIOFSD_NONE, VIRTIOFSD_C, VIRTIOFSD_RUST, VIRTIOFSD_KIND_COUNT };

struct virtiofsd_binary {
	enum virtiofsd_kind kind;
	unsigned int version; /* major * 1000 + minor: 7002, 1013 */
	char path[PATH_MAX];
	/* identity of the file the answer belongs to */
	uint64_t dev;
	uint64_t inode;
	int64_t mtime_ns;
};

const char *virtiofsd_kind_name(enum virtiofsd_kind kind); /* "none", "c", "rust" */

/* Fills path and identity from `configured`, or from the first known place when that is NULL. */
int virtiofsd_find(const char *configured, struct virtiofsd_binary *ret,
		   struct err *e) VMRT_MUST_CHECK;

/* Fills kind and version by running `path --version` (two seconds at most). */
int virtiofsd_detect(struct virtiofsd_binary *b, struct err *e) VMRT_MUST_CHECK;

/* Takes a --version text apart. VIRTIOFSD_NONE when it is neither. Pure. */
enum virtiofsd_kind virtiofsd_parse_version(const char *text, unsigned int *ret_version);

struct virtiofsd_plan {
	const struct virtiofsd_binary *binary;
	const char *share_dir;	 /* as share_build() made it, absolute */
	int listen_fd;		 /* number in virtiofsd's process; from virtiofsd_socket() */
	const char *socket_path; /* that it makes, instead; NULL: the descriptor */
	uint64_t nofile;	 /* RLIMIT_NOFILE it may have: the host's hard limit or less */
	bool is_flat; /* share_build(): mounts in it are not the guest's to tell apart. Nor are
		       * ACLs: of a foreign directory that the server may not read it has none to
		       * tell, and the guest would take that for a refusal */
	bool is_debug;
};

/* Pure; golden-tested. Standard error should be a pipe: its last line says why virtiofsd died. */
int virtiofsd_argv(const struct virtiofsd_plan *plan, struct strv *ret,
		   struct err *e) VMRT_MUST_CHECK;

/* Environment it needs, appended to `ret` (C flavour: MALLOC_ARENA_MAX, else its own seccomp
 * filter kills it in glibc). */
void virtiofsd_env(const struct virtiofsd_plan *plan, struct strv *ret);

/* A listening socket and a connection that waits in its backlog: nobody has to wait for virtiofsd
 * to come up, and no name is left in the file system. Both CLOEXEC. `dir` must be writable and
 * private to us (the state directory): the name exists there for a moment. */
int virtiofsd_socket(const char *dir, int *ret_listen_fd, int *ret_connected_fd,
		     struct err *e) VMRT_MUST_CHECK;

/* The hard limit of RLIMIT_NOFILE, capped at 1,000,000. Raising it is not tried. */
uint64_t virtiofsd_nofile(void);

#endif
