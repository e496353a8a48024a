/* Allocation that aborts with a message. Must not be used for sizes chosen by others. */
#include "lib/mem.h"

#include <stdarg.h>
#include <stdio.h>

static void *mem_check(void *p)
{
	if (!p) {
		fputs("vmrt: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return mem_check(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return mem_check(calloc(count ? count : 1, size ? size : 1));
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	return mem_check(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return mem_check(strdup(text));
}

char *xstrndup(const char *text, size_t size)
{
	return mem_check(strndup(text, size));
}

void *xmemdup(const void *from, size_t size)
{
	void *copy = xmalloc(size);

	if (size)
		memcpy(copy, from, size);
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return mem_check(n < 0 ? NULL : text);
}
