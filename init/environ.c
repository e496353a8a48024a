/* The environment of the container's program, put together as runc (and Go beneath it) does. Must
 * not read init's own environment. */
#include "init/environ.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/wording.h"
#include "lib/fd.h"
#include "lib/mem.h"

#define ENVIRON_LINE_BYTES 4096

/* A hash table of indices into env->at, so that thousands of entries do not cost millions of
 * comparisons. */
struct environ_index {
	uint32_t *slots; /* index + 1, 0: free */
	uint32_t mask;
};

static uint32_t environ_hash(const char *name, size_t size)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h;
}

static bool environ_has_name(const char *entry, const char *name, size_t size)
{
	return !strncmp(entry, name, size) && entry[size] == '=';
}

/* Adds an entry or replaces the one of the same name. There is room. */
static void environ_put(struct environ *env, struct environ_index *index, const char *entry)
{
	size_t size = strcspn(entry, "=");
	uint32_t slot = environ_hash(entry, size) & index->mask;

	while (index->slots[slot]) {
		char **old = &env->at[index->slots[slot] - 1];

		if (environ_has_name(*old, entry, size)) {
			*old = (char *)entry;
			return;
		}
		slot = (slot + 1) & index->mask;
	}
	env->at[env->count++] = (char *)entry;
	index->slots[slot] = env->count;
}

static int environ_check(const char *entry, struct err *e)
{
	char quoted[ERR_TEXT_BYTES / 2];

	if (!strchr(entry, '='))
		return err_set(e, -EINVAL, "invalid environment variable: %s",
			       wording_quote(quoted, sizeof(quoted), entry));
	if (entry[0] == '=')
		return err_set(e, -EINVAL, "environment variable name can't be empty: %s",
			       wording_quote(quoted, sizeof(quoted), entry));
	return 0;
}

int environ_init(struct environ *env, const struct guest_list *from, struct err *e)
{
	struct environ_index index = {.mask = 15};

	while (index.mask < from->count * 2)
		index.mask = index.mask * 2 + 1;
	index.slots = xcalloc((size_t)index.mask + 1, sizeof(*index.slots));
	/* Room for HOME and the NULL. */
	*env = (struct environ){.at = xcalloc((size_t)from->count + 2, sizeof(*env->at))};
	for (uint32_t i = 0; i < from->count; i++) {
		int r = environ_check(from->at[i], e);

		if (r < 0) {
			free(index.slots);
			return r;
		}
		environ_put(env, &index, from->at[i]);
	}
	free(index.slots);
	return 0;
}

static char **environ_find(const struct environ *env, const char *name)
{
	size_t size = strlen(name);

	for (uint32_t i = 0; i < env->count; i++) {
		if (environ_has_name(env->at[i], name, size))
			return &env->at[i];
	}
	return NULL;
}

const char *environ_get(const struct environ *env, const char *name)
{
	char **entry = environ_find(env, name);

	return entry ? *entry + strlen(name) + 1 : NULL;
}

/* name:password:uid:gid:gecos:home:shell. True, with the home, when the line is that user's. */
static bool environ_parse_passwd(char *line, uint32_t uid, const char **ret_home)
{
	char *fields[7] = {0};
	char *end;

	line[strcspn(line, "\r\n")] = '\0';
	for (int i = 0; i < 7 && line; i++)
		fields[i] = strsep(&line, ":");
	if (!fields[2] || !*fields[2])
		return false;
	if (strtoul(fields[2], &end, 10) != uid || *end)
		return false;
	*ret_home = fields[5] ? fields[5] : "";
	return true;
}

/* The image's file is nobody's friend: it may be a FIFO, a device, or endless. */
static FILE *environ_open_passwd(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		fd_close(&fd);
		return NULL;
	}
	f = fdopen(fd, "r");
	if (!f)
		fd_close(&fd);
	return f;
}

void environ_set_home(struct environ *env, uint32_t uid)
{
	char line[ENVIRON_LINE_BYTES];
	char **entry = environ_find(env, "HOME");
	const char *home = "/";
	FILE *f;

	if (entry && (*entry)[5])
		return;
	f = environ_open_passwd();
	while (f && fgets(line, sizeof(line), f)) {
		if (environ_parse_passwd(line, uid, &home))
			break;
	}
	if (!entry)
		entry = &env->at[env->count++];
	*entry = xasprintf("HOME=%s", home);
	if (f)
		fclose(f);
}
