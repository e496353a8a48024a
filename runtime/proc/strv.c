/* String vectors: growing and freeing. Must not know what the strings mean. */
#include "runtime/proc/strv.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/mem.h"

static void strv_take(struct strv *v, char *text)
{
	if (v->count + 2 > v->room) {
		v->room = v->room ? v->room * 2 : 16;
		v->at = xreallocarray(v->at, v->room, sizeof(*v->at));
	}
	v->at[v->count++] = text;
	v->at[v->count] = NULL;
}

void strv_push(struct strv *v, const char *text)
{
	strv_take(v, xstrdup(text));
}

void strv_pushf(struct strv *v, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	strv_take(v, text);
}

void strv_done(struct strv *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->count; i++)
		free(v->at[i]);
	free(v->at);
	*v = (struct strv){0};
}

char *strv_join(const char *const *texts, size_t count, const char *between)
{
	char *joined = xstrdup("");

	for (size_t i = 0; i < count; i++) {
		char *more = xasprintf("%s%s%s", joined, i ? between : "", texts[i]);

		free(joined);
		joined = more;
	}
	return joined;
}
