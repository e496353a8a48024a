/* Taking the ends of processes: in a machine without other inits, all orphans come to init. */
#ifndef VMRT_INIT_REAPER_H
#define VMRT_INIT_REAPER_H

/* Blocks all signals; from now on the loop reaps, and tells the sessions. */
void reaper_init(void);

#endif
