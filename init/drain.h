/* What the container's processes have written on TCP connections and left to the kernel to send, or
 * on those to the host's Unix sockets: a machine that goes at once would take it along. */
#ifndef VMRT_INIT_DRAIN_H
#define VMRT_INIT_DRAIN_H

/* When no process is left. Calls `on_done` once: before it returns if nothing is under way, else
 * when the other sides have it, or have taken nothing for a while. */
void drain_wait(void (*on_done)(void));
/* Calls it now, if it is still to be called. */
void drain_stop(void);

#endif
