/* Which kind of Unix socket is bound to a file. */
#ifndef VMRT_SHARE_SOCKET_TYPE_H
#define VMRT_SHARE_SOCKET_TYPE_H

#include "runtime/share/share.h"

/* Refuses, naming it, a socket that is not of the stream type. One that nobody has bound now, or
 * somebody in another network namespace, cannot be told: it is taken for one. */
int socket_type_check(const struct share_bind *binds, size_t count, struct err *e) VMRT_MUST_CHECK;

#endif
