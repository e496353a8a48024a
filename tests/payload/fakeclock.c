/* A clock of the host's that a test can set: preloaded into vmrt, and inherited by its monitor.
 *
 * The file that FAKE_CLOCK names holds the nanoseconds (int64_t) by which CLOCK_REALTIME is off;
 * programs map it once. A timer on CLOCK_REALTIME, whose cancellation the kernel would tell of,
 * fires twenty times a second instead. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FAKE_PERIOD_NS 50000000

static const volatile int64_t *offset_ns;
static int realtime_timer = -1;

__attribute__((constructor)) static void fake_open(void)
{
	const char *path = getenv("FAKE_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		offset_ns = at;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int r = real(clock, ret);

	if (r == 0 && clock == CLOCK_REALTIME && offset_ns) {
		int64_t now = (int64_t)ret->tv_sec * 1000000000 + ret->tv_nsec + *offset_ns;

		ret->tv_sec = now / 1000000000;
		ret->tv_nsec = now % 1000000000;
	}
	return r;
}

int timerfd_create(int clock, int flags)
{
	int (*real)(int, int) = dlsym(RTLD_NEXT, "timerfd_create");
	int fd = real(clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : clock, flags);

	if (clock == CLOCK_REALTIME)
		realtime_timer = fd;
	return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *ret_old)
{
	const struct itimerspec soon = {.it_value.tv_nsec = FAKE_PERIOD_NS};
	int (*real)(int, int, const struct itimerspec *, struct itimerspec *) =
		dlsym(RTLD_NEXT, "timerfd_settime");

	return fd == realtime_timer ? real(fd, 0, &soon, ret_old) : real(fd, flags, when, ret_old);
}
