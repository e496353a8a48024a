/* What runs in the image beside the command: a script for its shell, which mounts what is shared,
 * starts the command with its streams on ports, and says when it has ended. */
#ifndef VMRUN_DISTRO_GUEST_H
#define VMRUN_DISTRO_GUEST_H

#include "lib/err.h"
#include "runtime/proc/strv.h"
#include "vmrun/mounts.h"
#include "vmrun/request.h"

/* Virtio-serial ports.
 *
 *   in, out, err    the command's streams, a port each
 *   control         from the guest, lines:   pid N        the command runs
 *                                            fail TEXT    it cannot be started
 *                                            end          it has ended; all it wrote is on its way
 *
 * The end of a stream is a mark in it: no port has an end of file in that direction. The script
 * learns the mark from the agent when the command has ended, so that nothing can print it before.
 */
#define DISTRO_PORT_IN	    "io.vmrun.in"
#define DISTRO_PORT_OUT	    "io.vmrun.out"
#define DISTRO_PORT_ERR	    "io.vmrun.err"
#define DISTRO_PORT_CONTROL "io.vmrun.control"

#define DISTRO_MARK_BYTES 32

/* How a share is called in the guest; `number` is its place in `shares`. */
#define DISTRO_TAG "vmrun%zu"

/* The arguments of /bin/sh and the environment. `cwd` is where the command starts. Fails for what
 * is no UTF-8 text. */
int distro_guest_make(const struct request *request, const struct mounts *shares, const char *cwd,
		      struct strv *ret_args, struct strv *ret_env, struct err *e) VMRT_MUST_CHECK;

#endif
