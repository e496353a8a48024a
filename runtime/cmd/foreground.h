/* A command that stays in the foreground for a process of the container. */
#ifndef VMRT_CMD_FOREGROUND_H
#define VMRT_CMD_FOREGROUND_H

#include "runtime/cmd/stdio.h"

/* From here on our standard input and output are not ours any more: what feeds us must get EPIPE,
 * and what reads us an end of file, when the container says so and not when we end. */
void foreground_drop_stdio(const struct stdio_plan *io);

/* From here on signals wait for foreground_wait(): before the process is started, so that none is
 * lost and none ends the command while the process goes on. */
void foreground_hold_signals(void);
/* What was held acts now. */
void foreground_release_signals(void);

/* Waits for a child (monitor or agent) and forwards signals to it, those that were held too; with
 * the caller's own terminal also its size, and stops and continues as a job does. Returns the exit
 * status (0-255) or -errno with `e`. */
int foreground_wait(int pidfd, struct stdio_plan *io, struct err *e) VMRT_MUST_CHECK;

#endif
