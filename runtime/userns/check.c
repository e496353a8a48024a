/* What may be missing for user namespaces. Must not make one. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/userns/enter.h"
#include "runtime/userns/idmap.h"
#include "runtime/userns/subids.h"

/* -1: there is no such sysctl. */
static long check_sysctl(const char *name)
{
	auto_free char *path = xasprintf("/proc/sys/%s", name);
	auto_free char *text = NULL;

	return fd_read_file(AT_FDCWD, path, 64, &text, NULL) < 0 ? -1 : strtol(text, NULL, 10);
}

/* A program with a profile of its own may be allowed what others are not. */
static bool check_is_unconfined(void)
{
	auto_free char *text = NULL;

	return fd_read_file(AT_FDCWD, "/proc/self/attr/current", 4096, &text, NULL) < 0 ||
	       !strncmp(text, "unconfined", 10);
}

static int check_sysctls(struct err *e)
{
	if (check_sysctl("user/max_user_namespaces") == 0)
		return err_set(e, -ENOSPC,
			       "this host allows no user namespaces: sysctl -w "
			       "user.max_user_namespaces=15000");
	if (check_sysctl("kernel/unprivileged_userns_clone") == 0)
		return err_set(e, -EPERM,
			       "this host allows user namespaces to root only: sysctl -w "
			       "kernel.unprivileged_userns_clone=1");
	if (check_sysctl("kernel/apparmor_restrict_unprivileged_userns") == 1 &&
	    check_is_unconfined())
		return err_set(e, -EPERM,
			       "AppArmor takes all rights from user namespaces of programs without "
			       "a profile: sysctl -w "
			       "kernel.apparmor_restrict_unprivileged_userns=0");
	return 0;
}

int userns_check_host(struct err *e)
{
	int r = check_sysctls(e);

	return r < 0 ? r : idmap_find_programs(e);
}

int userns_check(struct err *e)
{
	auto_free struct subids *ids = xcalloc(2, sizeof(*ids));
	const struct passwd *user = getpwuid(getuid());
	int r = userns_check_host(e);

	return r < 0 ? r : subids_read(user ? user->pw_name : NULL, getuid(), &ids[0], &ids[1], e);
}
