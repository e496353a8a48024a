/* Closing what a forked process inherited and must not keep. */
#ifndef VMRT_PROC_KEEP_FDS_H
#define VMRT_PROC_KEEP_FDS_H

#include <stddef.h>

/* Closes every descriptor that is not in the list. -1 entries and repeated ones are fine. */
void keep_fds(const int *keep, size_t count);

#endif
