/* After a monitor that could not clear up: the interfaces are the namespace's again. */
#ifndef VMRT_NET_FORGET_H
#define VMRT_NET_FORGET_H

#include "lib/err.h"

/* Takes our redirections off every interface of the namespace at `path`, which may be gone. The
 * caller's network namespace is the same afterwards. */
int net_forget(const char *path, struct err *e) VMRT_MUST_CHECK;

#endif
