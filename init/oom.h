/* Processes of the container that were killed because its memory ran out. */
#ifndef VMRT_INIT_OOM_H
#define VMRT_INIT_OOM_H

/* Watches the cgroup behind the descriptor from now on; a guest's kernel without the memory
 * controller has nothing to watch. */
void oom_watch(int cgroup_fd);

/* Tells the host of what has happened since it was last told. Before an exit status is sent: the
 * host wants to know why. */
void oom_report(void);

#endif
