/* Whose network namespace is it? A VM takes the interfaces of its namespace over, so nobody else
 * may live there: not the host, not another container. */
#ifndef VMRT_NET_NAMESPACE_H
#define VMRT_NET_NAMESPACE_H

#include <stdbool.h>

#include "lib/err.h"

/* `path` names a namespace. `ret_is_host`: it is the caller's own or that of the host's PID 1.
 * Fails, naming the process, when somebody else is in it. */
int namespace_check(const char *path, bool *ret_is_host, struct err *e) VMRT_MUST_CHECK;

/* In a namespace of the container's own: what the host's side of it sends of its own accord comes
 * from ports that the guest's programs are not given (redirect.h). Best effort. */
void namespace_set_ports(void);

#endif
