/* A growing, NULL-terminated vector of strings it owns: argument and environment lists.
 *
 * It must not know what the strings mean. Start with `struct strv v = {0};`. */
#ifndef VMRT_PROC_STRV_H
#define VMRT_PROC_STRV_H

#include <stddef.h>

struct strv {
	char **at; /* owned, at[count] is NULL; NULL as long as it is empty */
	size_t count;
	size_t room;
};

void strv_push(struct strv *v, const char *text);
void strv_pushf(struct strv *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_done(struct strv *v);
/* The texts with `between` between them, owned by the caller. */
char *strv_join(const char *const *texts, size_t count, const char *between);

#define auto_strv __attribute__((cleanup(strv_done)))

#endif
