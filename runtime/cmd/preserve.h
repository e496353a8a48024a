/* Descriptors beyond the standard streams: --preserve-fds and LISTEN_FDS. */
#ifndef VMRT_CMD_PRESERVE_H
#define VMRT_CMD_PRESERVE_H

#include "lib/err.h"

/* A descriptor is a thing of the host's kernel: a VM gets none but the standard streams. Refuses
 * with the first one's number and kind; fine when none is asked for. */
int preserve_check(unsigned int count, struct err *e) VMRT_MUST_CHECK;

#endif
