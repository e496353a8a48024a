/* Finds the rate of the host's time-stamp counter. Must not cache or decide. */
#include "runtime/vm/tsc.h"

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "lib/fd.h"

#define TSC_TRIES	 200
#define TSC_MEASURE_MS	 60
#define TSC_KHZ_MIN	 100000
#define TSC_KHZ_MAX	 20000000
#define TSC_INVARIANT	 (1U << 8)
#define TSC_LEAF_TIMING	 0x40000010U /* hypervisors' leaf: EAX is the rate in kHz */
#define TSC_LEAF_HYPER	 0x40000000U
#define TSC_TOLERANCE_NS 1000000.0 /* of a comparison with an earlier point */
#define TSC_TOLERANCE	 200e-6

static bool tsc_is_invariant(void)
{
	unsigned int a;
	unsigned int b;
	unsigned int c;
	unsigned int d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && d & TSC_INVARIANT;
}

/* The kernel tells profilers how to turn the counter into nanoseconds: 10^6 * 2^shift / kHz. It
 * does so only while its own scheduler clock is the counter (not in a KVM guest). */
static unsigned int tsc_khz_from_perf(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	auto_close int fd =
		(int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct perf_event_mmap_page *page;
	double khz = 0;

	if (fd < 0)
		return 0;
	page = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return 0;
	if (page->cap_user_time && page->time_mult)
		khz = 1e6 * (double)(UINT64_C(1) << page->time_shift) / page->time_mult;
	munmap(page, size);
	return (unsigned int)(khz + 0.5);
}

static unsigned int tsc_khz_from_cpuid(void)
{
	unsigned int a;
	unsigned int b;
	unsigned int c;
	unsigned int d;

	__cpuid(1, a, b, c, d);
	if (c & (1U << 31)) { /* a hypervisor: its own leaf goes first */
		__cpuid(TSC_LEAF_HYPER, a, b, c, d);
		if (a >= TSC_LEAF_TIMING) {
			__cpuid(TSC_LEAF_TIMING, a, b, c, d);
			if (a)
				return a;
		}
	}
	if (!__get_cpuid(0x15, &a, &b, &c, &d) || !a || !b || !c)
		return 0;
	return (unsigned int)((uint64_t)c * b / a / 1000);
}

/* The pair whose two reads of the counter lie closest together: it was not interrupted. */
struct tsc_point tsc_read_point(void)
{
	struct tsc_point best = {0};
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < TSC_TRIES; i++) {
		struct timespec t;
		uint64_t before = __rdtsc();
		uint64_t after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		after = __rdtsc();
		if (after - before >= best_width)
			continue;
		best_width = after - before;
		best.tsc = before + best_width / 2;
		best.ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	}
	return best;
}

static unsigned int tsc_khz_measured(void)
{
	struct timespec wait = {.tv_nsec = TSC_MEASURE_MS * 1000000};
	struct tsc_point first = tsc_read_point();
	struct tsc_point last;

	while (nanosleep(&wait, &wait) < 0 && errno == EINTR)
		;
	last = tsc_read_point();
	return (unsigned int)((double)(last.tsc - first.tsc) * 1e6 / (double)(last.ns - first.ns) +
			      0.5);
}

unsigned int tsc_find_khz(void)
{
	unsigned int khz;

	if (!tsc_is_invariant())
		return 0;
	khz = tsc_khz_from_perf();
	if (!khz)
		khz = tsc_khz_from_cpuid();
	if (!khz)
		khz = tsc_khz_measured();
	return khz >= TSC_KHZ_MIN && khz <= TSC_KHZ_MAX ? khz : 0;
}

bool tsc_is_plausible(unsigned int khz, struct tsc_point then, struct tsc_point now)
{
	double ns = (double)(now.ns - then.ns);
	double by_tsc = (double)(int64_t)(now.tsc - then.tsc) * 1e6 / khz;
	double off = by_tsc > ns ? by_tsc - ns : ns - by_tsc;

	return ns >= 0 && off <= TSC_TOLERANCE_NS + ns * TSC_TOLERANCE;
}

#else

unsigned int tsc_find_khz(void)
{
	return 0;
}

struct tsc_point tsc_read_point(void)
{
	return (struct tsc_point){0};
}

bool tsc_is_plausible(unsigned int khz, struct tsc_point then, struct tsc_point now)
{
	(void)then;
	(void)now;
	return khz == 0;
}

#endif
