/* The rate of the host's time-stamp counter, which TCG hands through to x86 guests as it is.
 *
 * Only an invariant counter has one. Must not cache: facts.h does. */
#ifndef VMRT_VM_TSC_H
#define VMRT_VM_TSC_H

#include <stdbool.h>
#include <stdint.h>

/* The counter and CLOCK_MONOTONIC_RAW at one moment (within a fraction of a microsecond). */
struct tsc_point {
	uint64_t tsc;
	int64_t ns;
};

/* kHz; 0 when there is no counter of constant rate. Exact where the kernel or the CPU tells it,
 * else measured for some 60 ms. */
unsigned int tsc_find_khz(void);

/* Now. All zero on machines without the counter. */
struct tsc_point tsc_read_point(void);

/* Has the counter run at `khz` since `then`? False after a suspend, or when this machine is itself
 * a VM that was moved to another host: then the rate must be found anew. */
bool tsc_is_plausible(unsigned int khz, struct tsc_point then, struct tsc_point now);

#endif
