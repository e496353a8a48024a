/* Results as JUnit's XML, which CI systems read. */
#ifndef VMRUN_JUNIT_H
#define VMRUN_JUNIT_H

#include <stddef.h>

#include "lib/err.h"

struct junit_case {
	const char *name;
	const char *output; /* a file */
	double seconds;
	int status; /* 0: passed */
};

/* Writes `path` anew. A status of vmrun's own (enum request_exit) is an error, any other but 0 a
 * failure; both carry the end of their output. */
int junit_write(const char *path, const struct junit_case *cases, size_t count,
		struct err *e) VMRT_MUST_CHECK;

#endif
