/* The environment of the container's program. */
#ifndef VMRT_INIT_ENVIRON_H
#define VMRT_INIT_ENVIRON_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/guest.h"

struct environ {
	char **at; /* NULL-terminated; the strings are borrowed or live as long as the process */
	uint32_t count;
};

/* The description's entries; of those with the same name the last one counts, at the place of the
 * first. An entry without a name is refused with runc's text. */
int environ_init(struct environ *env, const struct guest_list *from, struct err *e) VMRT_MUST_CHECK;

/* The value or NULL. */
const char *environ_get(const struct environ *env, const char *name);

/* Sets HOME from the container's /etc/passwd (the process's root must be the container's) unless
 * it is set to something; "/" for a user who is not in it. */
void environ_set_home(struct environ *env, uint32_t uid);

#endif
