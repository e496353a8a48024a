/* Where the container's service notifications (sd_notify(3)) go on the host. */
#ifndef VMRT_CMD_NOTIFY_H
#define VMRT_CMD_NOTIFY_H

#include "runtime/cmd/stdio.h"
#include "runtime/plan/plan.h"

/* A datagram socket connected to who listens: at the path of NOTIFY_SOCKET in the process's own
 * environment, through the container's mounts (podman), or else at that of the caller's, which the
 * process then gets a socket for, as runc does (systemd). -1: nobody, then nothing is set up. The
 * plan gets the path of the socket in the container.
 *
 * The caller's service manager listens to the command alone, its main process: one that stays in
 * the foreground passes on itself what it gets through `io`. */
int notify_connect(struct plan *p, bool is_foreground, struct stdio_plan *io);

#endif
