/* What cleans up after a vmrun that was killed. */
#ifndef VMRUN_CLEANER_H
#define VMRUN_CLEANER_H

#include <sys/types.h>

struct cleaner {
	int fd; /* -1: there is none */
	pid_t pid;
};

/* Starts a process that removes `dir`, and the container that is named like it, when the caller
 * ends without cleaner_stop(). Best effort. */
void cleaner_start(struct cleaner *c, const char *dir, const char *vmrt);
void cleaner_stop(struct cleaner *c);

/* Removes a directory and what is in it, but for what is mounted there. -errno. */
int cleaner_remove(const char *dir);

#endif
