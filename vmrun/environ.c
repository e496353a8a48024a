/* What the command's environment is made of. Must not read files. */
#include "vmrun/environ.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRON_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

/* Of the caller's, what a command needs to look and to speak as it does outside. */
static const char *const environ_passed[] = {
	"PATH",	     "TERM",   "COLORTERM", "LANG",	"LANGUAGE", "TZ",
	"MAKEFLAGS", "EDITOR", "PAGER",	    "NO_COLOR", NULL,
};

static bool environ_is_name(const char *pair, const char *name, size_t size)
{
	return !strncmp(pair, name, size) && pair[size] == '=';
}

static void environ_set(struct strv *v, const char *pair)
{
	size_t size = strcspn(pair, "=");

	for (size_t i = 0; i < v->count; i++) {
		if (environ_is_name(v->at[i], pair, size)) {
			free(v->at[i]);
			v->at[i] = strdup(pair);
			if (!v->at[i])
				abort();
			return;
		}
	}
	strv_push(v, pair);
}

static void environ_set_value(struct strv *v, const char *name, const char *value)
{
	auto_strv struct strv one = {0};

	if (!value)
		return;
	strv_pushf(&one, "%s=%s", name, value);
	environ_set(v, one.at[0]);
}

static bool environ_is_passed(const char *pair)
{
	if (!strncmp(pair, "LC_", 3))
		return true;
	for (const char *const *name = environ_passed; *name; name++) {
		if (environ_is_name(pair, *name, strlen(*name)))
			return true;
	}
	return false;
}

static void environ_add_callers(const struct request *request, struct strv *ret)
{
	for (char **pair = environ; *pair; pair++) {
		/* The libraries of an isolated program were found by it. */
		bool is_passed =
			environ_is_passed(*pair) || request->want_host_env ||
			(request->is_isolated && environ_is_name(*pair, "LD_LIBRARY_PATH", 15));

		if (strchr(*pair, '=') && is_passed)
			environ_set(ret, *pair);
	}
}

void environ_make(const struct request *request, const struct user *user, struct strv *ret)
{
	environ_set(ret, "PATH=" ENVIRON_PATH);
	environ_add_callers(request, ret);
	environ_set_value(ret, "HOME", user->home ? user->home : "/");
	environ_set_value(ret, "USER", user->name);
	environ_set_value(ret, "LOGNAME", user->name);
	environ_set_value(ret, "SHELL", user->shell);
	for (size_t i = 0; request->root_env && i < request->root_env->count; i++) {
		if (strchr(request->root_env->at[i], '='))
			environ_set(ret, request->root_env->at[i]);
	}
	for (size_t i = 0; i < request->env.count; i++) {
		const char *pair = request->env.at[i];

		if (strchr(pair, '='))
			environ_set(ret, pair);
		else
			environ_set_value(ret, pair, getenv(pair));
	}
}
