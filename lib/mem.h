/* Allocation that aborts with a message: for small objects whose size vmrt itself chose.
 * Sizes that come from outside are compared with a named limit before they get here. */
#ifndef VMRT_LIB_MEM_H
#define VMRT_LIB_MEM_H

#include <stdlib.h>
#include <string.h>

/* Frees *p and sets it to NULL; for __attribute__((cleanup)). */
static inline void mem_free_ptr(void *p)
{
	void **where = p;

	free(*where);
	*where = NULL;
}

#define auto_free __attribute__((cleanup(mem_free_ptr)))

/* Hands an auto_free pointer over to the caller. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) take_ptr_v = (p);                                                    \
		(p) = NULL;                                                                        \
		take_ptr_v;                                                                        \
	})

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t size);
void *xmemdup(const void *from, size_t size);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
