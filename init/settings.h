/* What a process and its kernel are set to, apart from users, mounts and cgroups. */
#ifndef VMRT_INIT_SETTINGS_H
#define VMRT_INIT_SETTINGS_H

#include "lib/err.h"
#include "lib/guest.h"

/* Of a process, the container's or an exec session's: scheduler, io priority. */
int settings_apply_process(const struct guest_process *p, struct err *e) VMRT_MUST_CHECK;

/* Of every process of the container; no other inherits it from the first. */
int settings_apply_personality(const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

/* Of the container's first process: time namespace, personality, sysctls. What its namespaces do
 * not cover is the machine's, which is the container's alone. Init's own /proc must be in view. */
int settings_apply_container(const struct guest_container *c, struct err *e) VMRT_MUST_CHECK;

#endif
