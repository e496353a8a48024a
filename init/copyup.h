/* A tmpfs that begins as a copy of what it covers ("tmpcopyup"). */
#ifndef VMRT_INIT_COPYUP_H
#define VMRT_INIT_COPYUP_H

#include "lib/err.h"
#include "lib/guest.h"

/* Mounts the tmpfs `m` out of sight, fills it from the directory `fd`, moves it there. */
int copyup_mount(const struct guest_mount *m, int fd, uint64_t flags, const char *data,
		 struct err *e) VMRT_MUST_CHECK;

#endif
