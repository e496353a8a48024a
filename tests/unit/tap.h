/* A minimal Test Anything Protocol producer for unit tests: one header, no state outside it. */
#ifndef VMRT_TESTS_TAP_H
#define VMRT_TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failed;

__attribute__((format(printf, 2, 3), unused)) static int ok(int is_good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", is_good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!is_good)
		tap_failed++;
	return is_good;
}

__attribute__((unused)) static int is_int(long long got, long long want, const char *name)
{
	if (ok(got == want, "%s", name))
		return 1;
	printf("#   got %lld, want %lld\n", got, want);
	return 0;
}

__attribute__((unused)) static int is_str(const char *got, const char *want, const char *name)
{
	int same = got && want ? !strcmp(got, want) : got == want;

	if (ok(same, "%s", name))
		return 1;
	printf("#   got  '%s'\n#   want '%s'\n", got ? got : "(null)", want ? want : "(null)");
	return 0;
}

/* Prints the plan and returns main()'s exit status. A test that ran nothing has failed. */
__attribute__((unused)) static int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed || !tap_count ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
