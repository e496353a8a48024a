/* Being a template: a machine that has booted and waits, to be saved by the host and to wake up as
 * often as it likes, each time as another one. */
#ifndef VMRT_INIT_PARK_H
#define VMRT_INIT_PARK_H

#include <stdbool.h>

/* False unless the kernel's command line asks for it. Else the host gets a hello, and this returns
 * in a copy of the machine: with a random pool and a clock of its own, whose host has got its hello
 * as well, and the share's device in its slot, which was empty before. */
bool park_if_asked(void);

#endif
