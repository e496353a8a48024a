/* The virtual machine as init finds and leaves it: its few mounts, clock, random pool, loopback,
 * power. */
#ifndef VMRT_INIT_MACHINE_H
#define VMRT_INIT_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/* Where things are in the initramfs (mkcpio makes the directories, see init.mk). */
#define MACHINE_SHARE_DIR   "/share"   /* the host's share: rootfs, mounts/N */
#define MACHINE_ROOT_DIR    "/root"    /* the container's root, until it becomes / */
#define MACHINE_SCRATCH_DIR "/scratch" /* a tmpfs that is being filled */
#define MACHINE_CGROUP_DIR  "/cgroup"  /* cgroup2, all of it */
#define MACHINE_MODULES_DIR "/modules" /* only with an initramfs made for another kernel */

/* devtmpfs, proc, sysfs; init's own oom score; dumpable off. Dies when it cannot. */
void machine_boot(void);

/* Mounts the host's share. Blocks for one FUSE round trip. */
int machine_mount_share(struct err *e) VMRT_MUST_CHECK;

/* Mounts what the host has mounted at `inside` ("rootfs") of the share, in init's own mount
 * namespace, so that it stays when the container's goes.
 *
 * Linux 6.1 frees a submount's super block while a read-ahead of a file of it is under way: the
 * file's release, sent after that read, then uses what is gone, the worker that completes requests
 * dies of it, and with it all access to files (seen in one of sixty containers on a busy host). */
void machine_pin_share(const char *inside);

/* Failure only means that the guest's kernel has no IPv4. 0 or -errno. */
int machine_loopback_up(void) VMRT_MUST_CHECK;

/* Mixes the host's bytes into the random pool, counted as entropy. */
int machine_seed(const uint8_t *seed, size_t size) VMRT_MUST_CHECK;

int machine_set_clock(int64_t realtime_ns) VMRT_MUST_CHECK;

/* CLOCK_MONOTONIC. */
uint64_t machine_now_us(void);

/* What processes have left in shared mappings is with the host, though not on its disk: that would
 * wait for all that the host has to write. When nothing of the container is left: its own sync()
 * would mean the same from now on (patches/0010). */
void machine_sync_to_host(void);

/* Everything on disk, then off: QEMU runs with -no-reboot and ends. */
_Noreturn void machine_off(void);

/* For what cannot happen: one line to the host (LOG error) or else to the console, then off. */
_Noreturn void machine_die(const char *fmt, ...) VMRT_PRINTF(1, 2);

#endif
