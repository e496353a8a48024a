/* Running targets, several at a time, and telling how they went. */
#ifndef VMRUN_BATCH_H
#define VMRUN_BATCH_H

#include <stdbool.h>

#include "lib/err.h"
#include "vmrun/targets.h"

struct batch_options {
	const char *filter; /* extended regular expression on names; NULL: all */
	const char *junit;  /* a file; NULL: none */
	unsigned int jobs;  /* at a time; 0: 1 */
	bool is_verbose;    /* show the output of those that pass, too */
};

/* Each target is a vmrun of its own, in the file's folder, its output in a file of `dir`. One line
 * for each on standard output, the whole output of those that fail. Returns the exit status: with
 * one target its own, else how many failed, at most BATCH_FAILURES_MAX; or -errno. */
int batch_run(const struct targets *targets, const struct batch_options *options, const char *dir,
	      struct err *e) VMRT_MUST_CHECK;

#define BATCH_FAILURES_MAX 100

/* In a vmrun that a batch has started: it ends when that is killed. */
void batch_join_parent(void);

#endif
