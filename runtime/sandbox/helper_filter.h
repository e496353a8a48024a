/* A filter of system calls for a helper that makes its own sandbox (virtiofsd), under that sandbox.
 *
 * virtiofsd's own filter is for the threads that it knows of: a library's thread that was there
 * before (RCU's, in the C version) is without, and shares its memory. This one is there from the
 * first instruction, for all threads. It cannot be as narrow: setting up namespaces must pass. */
#ifndef VMRT_SANDBOX_HELPER_FILTER_H
#define VMRT_SANDBOX_HELPER_FILTER_H

#include <linux/filter.h>

#include "lib/err.h"

/* For struct sandbox; helper_filter_done() frees it. */
int helper_filter_make(struct sock_fprog *ret, struct err *e) VMRT_MUST_CHECK;
void helper_filter_done(struct sock_fprog *filter);

#endif
