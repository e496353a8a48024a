/* The guest's processes as the host's ps(1) shows them, with all of its options. */
#ifndef VMRT_CMD_PS_TABLE_H
#define VMRT_CMD_PS_TABLE_H

#include <stddef.h>

#include "lib/err.h"

/* Runs ps with `words` (none: "-ef") over the processes of `answer` (GUEST_BUILTIN_PROCESSES; size
 * 0: none), on this process's stdout. Afterwards this process has another /proc: it must not do
 * anything else. Fails for an answer that is malformed, and with ps's own words. */
int ps_table_run(const char *answer, size_t size, char *const *words, size_t word_count,
		 struct err *e) VMRT_MUST_CHECK;

#endif
