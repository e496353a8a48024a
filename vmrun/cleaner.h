/* What cleans up after a vmrun that was killed. */
#ifndef VMRUN_CLEANER_H
#define VMRUN_CLEANER_H

/* Starts a process that removes `dir`, and the container that is named like it, when the caller
 * ends without cleaner_stop(). A descriptor; -1: there is none, as there is no process for it. */
int cleaner_start(const char *dir, const char *vmrt);
void cleaner_stop(int *fd);

/* Removes a directory and what is in it, but for what is mounted there. -errno. */
int cleaner_remove(const char *dir);

#endif
