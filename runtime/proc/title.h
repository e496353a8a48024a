/* What `ps` and `docker top` show of a process of ours: the container's command. */
#ifndef VMRT_PROC_TITLE_H
#define VMRT_PROC_TITLE_H

#include <stddef.h>

/* Remembers where the kernel looks, and puts copies into argv: an id or a path that somebody keeps
 * must not become what a later title says. First thing in main(). */
void title_init(int argc, char **argv);

/* Shows `args` from now on, cut to the room there is. In a forked child that no longer needs its
 * environment: it is overwritten. Nothing happens without title_init(). */
void title_set(const char *const *args, size_t count);

#endif
