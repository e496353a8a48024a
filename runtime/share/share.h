/* The tree of files a VM sees, assembled in the *current, private* mount namespace.
 *
 *   <dir>/rootfs      the bundle's root, with its submounts
 *   <dir>/mounts/N    bind mount N: a directory or a single file, read-only where asked
 *
 * <dir> is a tmpfs of its own: nothing else of the host can be reached from it. Must not be called
 * in the host's mount namespace (it refuses), must not know config.json. */
#ifndef VMRT_SHARE_H
#define VMRT_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct share_bind {
	const char *source;	  /* absolute path on the host; symbolic links are followed */
	const char *destination;  /* absolute path in the container; share_enter_root() only */
	const char *overlay_data; /* not a bind: an overlay with these options; NULL: a bind */
	bool is_recursive;	  /* rbind: submounts of the source come along */
	bool is_cow;		  /* a directory that is not changed: read-only, no submounts */
	bool is_readonly;	  /* "ro": the top mount */
	bool is_readonly_rec;	  /* "rro": every mount of it */
	bool is_slave;		  /* rslave, rshared: what the host mounts below the source later
				     appears in the guest. Else the tree is as it was at create */
	bool is_covered;	  /* lies on a file system of the guest's own (/dev/shm on /dev):
				     share_enter_root() has no place for it */
	bool ret_is_covered;	  /* set by share_build(): see there */
	bool ret_is_file;	  /* set by share_check_binds() and share_build() */
	bool ret_is_socket;	  /* a Unix socket: is not in the tree, the monitor relays it */
	unsigned int ret_mode;	  /* the socket's mode, with its owner */
	unsigned int ret_uid;
	unsigned int ret_gid;
	int ret_socket_fd; /* O_PATH, owned; set by share_build(); -1: it is none */
};

/* Says whether the sources can be shared, without changing anything: the right place is before
 * any process is started. Missing ones give runc's text. Device nodes and FIFOs are refused by
 * name: a FIFO's peer lives on the host, where the guest's kernel cannot reach it (a FIFO *inside*
 * a shared directory works among the guest's own processes). So does a socket's: connections to one
 * of the stream type are relayed, others are refused. The pseudo devices null, zero, full, random,
 * urandom and tty are the exception: the guest's kernel has them under the same numbers. */
int share_check_binds(struct share_bind *binds, size_t count, struct err *e) VMRT_MUST_CHECK;

/* Builds the tree at `dir`, which must exist. On failure what was mounted is left: the private
 * namespace takes it along. `rootfs` is the bundle's root, absolute. With `is_root_cow` the guest
 * has an overlay above it: it is read-only and without its submounts, which an overlay would take
 * for broken directories. In a user namespace they cannot be left out, the kernel forbids to look
 * below them: empty directories and files cover them, and the share has to be served as one file
 * system (`ret_is_flat`), of which an overlay notices nothing. */
int share_build(const char *dir, const char *rootfs, bool is_root_cow, struct share_bind *binds,
		size_t count, bool *ret_is_flat, struct err *e) VMRT_MUST_CHECK;

/* Makes the container's root the caller's "/" (pivot_root), with the bind mounts at their
 * destinations (resolved inside the root only; what is missing is created as runc does) and a
 * /proc of the current pid namespace. For `podman cp`, which works on /proc/PID/ns/mnt.
 * `share_dir` is the tree share_build() made: mounts are taken from there, so that no host path
 * is looked up twice. Call it last: QEMU and virtiofsd must have been started in mount namespaces
 * of their own. Mounts that cannot be placed are skipped: they are counted in `ret_skipped`. */
int share_enter_root(const char *share_dir, const struct share_bind *binds, size_t count,
		     size_t *ret_skipped, struct err *e) VMRT_MUST_CHECK;

#endif
