/* The container's seccomp filter, for its process and for every exec session. */
#ifndef VMRT_INIT_SECCOMP_H
#define VMRT_INIT_SECCOMP_H

#include "lib/err.h"
#include "lib/guest.h"

/* Init keeps the program for all sessions to come; `from` is empty afterwards. */
void seccomp_keep(struct guest_seccomp *from);

/* In a new process: loads what was kept, if anything. Needs CAP_SYS_ADMIN or no_new_privs. */
int seccomp_load(struct err *e) VMRT_MUST_CHECK;

#endif
