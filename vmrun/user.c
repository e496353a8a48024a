/* Looking users and groups up. Must not know what they are for. */
#include "vmrun/user.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

static bool user_is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
}

static bool user_is_host(const char *root)
{
	return !strcmp(root, "/");
}

static bool user_matches(const char *name, unsigned long id, const char *wanted)
{
	return user_is_number(wanted) ? strtoul(wanted, NULL, 10) == id : !strcmp(name, wanted);
}

/* Of a root file system that is not the host's: its links lead nowhere else, and nothing but a file
 * is read. */
static FILE *user_open(const char *root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT};
	auto_close int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	file = fdopen(fd, "r");
	if (file)
		fd = -1;
	return file;
}

/* Valid until the next call; NULL: there is none. */
static const struct passwd *user_look_up(const char *wanted, const char *root)
{
	const struct passwd *p;
	FILE *file;

	if (user_is_host(root))
		return user_is_number(wanted) ? getpwuid((uid_t)strtoul(wanted, NULL, 10))
					      : getpwnam(wanted);
	file = user_open(root, "etc/passwd");
	if (!file)
		return NULL;
	while ((p = fgetpwent(file)) && !user_matches(p->pw_name, p->pw_uid, wanted))
		;
	fclose(file);
	return p;
}

static const struct group *user_look_up_group(const char *wanted, const char *root)
{
	const struct group *g;
	FILE *file;

	if (user_is_host(root))
		return getgrnam(wanted);
	file = user_open(root, "etc/group");
	if (!file)
		return NULL;
	while ((g = fgetgrent(file)) && strcmp(g->gr_name, wanted))
		;
	fclose(file);
	return g;
}

static void user_take(struct user *u, const struct passwd *p)
{
	u->uid = p->pw_uid;
	u->gid = p->pw_gid;
	u->name = xstrdup(p->pw_name);
	u->home = xstrdup(p->pw_dir);
	u->shell = xstrdup(p->pw_shell);
}

static void user_add_group(struct user *u, gid_t gid)
{
	u->groups = xreallocarray(u->groups, u->group_count + 1, sizeof(*u->groups));
	u->groups[u->group_count++] = gid;
}

static void user_add_groups(struct user *u, const char *root)
{
	const struct group *g;
	FILE *file;

	if (user_is_host(root)) {
		int count = 0;

		getgrouplist(u->name, u->gid, NULL, &count);
		u->groups = xcalloc((size_t)count, sizeof(*u->groups));
		count = getgrouplist(u->name, u->gid, u->groups, &count);
		u->group_count = count > 0 ? (size_t)count : 0;
		return;
	}
	user_add_group(u, u->gid);
	file = user_open(root, "etc/group");
	while (file && (g = fgetgrent(file))) {
		for (char **member = g->gr_mem; *member; member++) {
			if (!strcmp(*member, u->name))
				user_add_group(u, g->gr_gid);
		}
	}
	if (file)
		fclose(file);
}

static int user_take_caller(struct user *u, const char *root, struct err *e)
{
	auto_free char *number = xasprintf("%u", getuid());
	const struct passwd *p = user_look_up(number, root);
	int count = getgroups(0, NULL);

	if (p)
		user_take(u, p);
	u->uid = getuid();
	u->gid = getgid();
	if (count < 0)
		return err_sys(e, -errno, "reading the caller's groups");
	u->groups = xcalloc((size_t)count, sizeof(*u->groups));
	count = getgroups(count, u->groups);
	u->group_count = count > 0 ? (size_t)count : 0;
	return 0;
}

static int user_take_group(struct user *u, const char *wanted, const char *root, struct err *e)
{
	const struct group *g;

	if (user_is_number(wanted)) {
		u->gid = (gid_t)strtoul(wanted, NULL, 10);
		return 0;
	}
	g = user_look_up_group(wanted, root);
	if (!g)
		return err_set(e, -ENOENT, "option --user: there is no group '%s'", wanted);
	u->gid = g->gr_gid;
	return 0;
}

static int user_take_wanted(struct user *u, const char *wanted, const char *root, struct err *e)
{
	auto_free char *name = xstrdup(wanted);
	char *colon = strchr(name, ':');
	const struct passwd *p;

	if (colon)
		*colon = '\0';
	p = user_look_up(name, root);
	if (p) {
		user_take(u, p);
	} else if (user_is_number(name)) {
		u->uid = (uid_t)strtoul(name, NULL, 10);
	} else {
		return err_set(e, -ENOENT, "option --user: there is no user '%s'", name);
	}
	if (colon)
		return user_take_group(u, colon + 1, root, e);
	if (u->name)
		user_add_groups(u, root);
	return 0;
}

int user_find(const char *wanted, const char *root, struct user *ret, struct err *e)
{
	struct user u = {0};
	int r = wanted ? user_take_wanted(&u, wanted, root, e) : user_take_caller(&u, root, e);

	if (r < 0) {
		user_done(&u);
		return r;
	}
	*ret = u;
	return 0;
}

void user_done(struct user *u)
{
	free(u->groups);
	free(u->name);
	free(u->home);
	free(u->shell);
	*u = (struct user){0};
}
