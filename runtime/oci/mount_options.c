/* The table of mount options and its parser. Must not mount or look at paths. */
#include "runtime/oci/mount_options.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/mem.h"
#include "runtime/oci/json.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* Linux 5.10 */
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* Linux 5.14 */
#endif

struct mount_option {
	const char *name;
	enum mount_option_kind kind;
	bool is_clear;
	uint64_t flag;
};

#define SET(name, flag)                                                                            \
	{                                                                                          \
		name, MOUNT_OPTION_FLAG, false, flag                                               \
	}
#define CLEAR(name, flag)                                                                          \
	{                                                                                          \
		name, MOUNT_OPTION_FLAG, true, flag                                                \
	}
#define REC_SET(name, flag)                                                                        \
	{                                                                                          \
		name, MOUNT_OPTION_REC_ATTR, false, flag                                           \
	}
#define REC_CLEAR(name, flag)                                                                      \
	{                                                                                          \
		name, MOUNT_OPTION_REC_ATTR, true, flag                                            \
	}

/* Propagation is in oci_propagations, which rootfsPropagation uses too. */
static const struct mount_option mount_option_table[] = {
	SET("acl", MS_POSIXACL),
	CLEAR("async", MS_SYNCHRONOUS),
	CLEAR("atime", MS_NOATIME),
	SET("bind", MS_BIND),
	SET("defaults", 0),
	{"cow", MOUNT_OPTION_COW, false, 0},
	CLEAR("dev", MS_NODEV),
	CLEAR("diratime", MS_NODIRATIME),
	SET("dirsync", MS_DIRSYNC),
	CLEAR("exec", MS_NOEXEC),
	{"idmap", MOUNT_OPTION_IDMAP, false, 0},
	SET("iversion", MS_I_VERSION),
	SET("lazytime", MS_LAZYTIME),
	CLEAR("loud", MS_SILENT),
	SET("mand", MS_MANDLOCK),
	CLEAR("noacl", MS_POSIXACL),
	SET("noatime", MS_NOATIME),
	SET("nodev", MS_NODEV),
	SET("nodiratime", MS_NODIRATIME),
	SET("noexec", MS_NOEXEC),
	CLEAR("noiversion", MS_I_VERSION),
	CLEAR("nolazytime", MS_LAZYTIME),
	CLEAR("nomand", MS_MANDLOCK),
	CLEAR("norelatime", MS_RELATIME),
	CLEAR("nostrictatime", MS_STRICTATIME),
	SET("nosuid", MS_NOSUID),
	SET("nosymfollow", MS_NOSYMFOLLOW),
	REC_CLEAR("ratime", MOUNT_ATTR_NOATIME),
	SET("rbind", MS_BIND | MS_REC),
	REC_CLEAR("rdev", MOUNT_ATTR_NODEV),
	REC_CLEAR("rdiratime", MOUNT_ATTR_NODIRATIME),
	SET("relatime", MS_RELATIME),
	SET("remount", MS_REMOUNT),
	REC_CLEAR("rexec", MOUNT_ATTR_NOEXEC),
	{"ridmap", MOUNT_OPTION_IDMAP, false, 1},
	REC_SET("rnoatime", MOUNT_ATTR_NOATIME),
	REC_SET("rnodev", MOUNT_ATTR_NODEV),
	REC_SET("rnodiratime", MOUNT_ATTR_NODIRATIME),
	REC_SET("rnoexec", MOUNT_ATTR_NOEXEC),
	REC_CLEAR("rnorelatime", MOUNT_ATTR_RELATIME),
	REC_CLEAR("rnostrictatime", MOUNT_ATTR_STRICTATIME),
	REC_SET("rnosuid", MOUNT_ATTR_NOSUID),
	REC_SET("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	SET("ro", MS_RDONLY),
	REC_SET("rrelatime", MOUNT_ATTR_RELATIME),
	REC_SET("rro", MOUNT_ATTR_RDONLY),
	REC_CLEAR("rrw", MOUNT_ATTR_RDONLY),
	REC_SET("rstrictatime", MOUNT_ATTR_STRICTATIME),
	REC_CLEAR("rsuid", MOUNT_ATTR_NOSUID),
	REC_CLEAR("rsymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	CLEAR("rw", MS_RDONLY),
	SET("silent", MS_SILENT),
	SET("strictatime", MS_STRICTATIME),
	CLEAR("suid", MS_NOSUID),
	CLEAR("symfollow", MS_NOSYMFOLLOW),
	SET("sync", MS_SYNCHRONOUS),
	{"tmpcopyup", MOUNT_OPTION_TMPCOPYUP, false, 0},
};

#define TABLE_COUNT (sizeof(mount_option_table) / sizeof(mount_option_table[0]))

/* The name may end in "=" and a value where the kind has one. */
static const struct mount_option *option_find(const char *text, const char **ret_value)
{
	size_t size = strcspn(text, "=");

	*ret_value = text[size] ? text + size + 1 : NULL;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct mount_option *option = &mount_option_table[i];

		if (strncmp(option->name, text, size) != 0 || option->name[size])
			continue;
		return *ret_value && option->kind != MOUNT_OPTION_IDMAP ? NULL : option;
	}
	return NULL;
}

static void apply_flag(const struct mount_option *option, struct mount_options *ret)
{
	unsigned long flag = (unsigned long)option->flag;

	if (option->is_clear) {
		ret->flags &= ~flag;
		ret->cleared_flags |= flag;
	} else {
		ret->flags |= flag;
		ret->cleared_flags &= ~flag;
	}
}

/* mount_setattr(2): the access time is an enumeration inside the mask MOUNT_ATTR__ATIME (RELATIME
 * is its value 0), and touching any of it is only allowed with the whole mask in attr_clr. So the
 * last such option decides, and "ratime" means the default. */
static void apply_rec_atime(const struct mount_option *option, struct mount_options *ret)
{
	if (option->is_clear && (ret->rec_attr_set & MOUNT_ATTR__ATIME) != option->flag)
		return; /* "rnostrictatime" leaves a noatime alone */
	ret->rec_attr_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	ret->rec_attr_clr |= MOUNT_ATTR__ATIME;
	if (!option->is_clear)
		ret->rec_attr_set |= option->flag;
}

static void apply_rec_attr(const struct mount_option *option, struct mount_options *ret)
{
	if ((option->flag & MOUNT_ATTR__ATIME) == option->flag) {
		apply_rec_atime(option, ret);
	} else if (option->is_clear) {
		ret->rec_attr_clr |= option->flag;
		ret->rec_attr_set &= ~option->flag;
	} else {
		ret->rec_attr_set |= option->flag;
		ret->rec_attr_clr &= ~option->flag;
	}
}

static void apply(const struct mount_option *option, const char *value, struct mount_options *ret)
{
	switch (option->kind) {
	case MOUNT_OPTION_FLAG:
		apply_flag(option, ret);
		break;
	case MOUNT_OPTION_REC_ATTR:
		apply_rec_attr(option, ret);
		break;
	case MOUNT_OPTION_TMPCOPYUP:
		ret->is_tmpcopyup = true;
		break;
	case MOUNT_OPTION_COW:
		ret->is_cow = true;
		break;
	case MOUNT_OPTION_IDMAP:
		ret->is_idmap = true;
		ret->is_idmap_recursive = option->flag;
		ret->idmap_mappings = value;
		break;
	case MOUNT_OPTION_PROPAGATION: /* not in this table */
	case MOUNT_OPTION_KIND_COUNT:
		break;
	}
}

static void append_data(char **data, const char *text)
{
	char *joined = *data ? xasprintf("%s,%s", *data, text) : xstrdup(text);

	free(*data);
	*data = joined;
}

int mount_options_parse(const struct oci_strings *options, struct mount_options *ret, struct err *e)
{
	struct mount_options parsed = {0};
	char buf[JSON_EXCERPT_BYTES];
	const char *value;

	for (size_t i = 0; i < options->count; i++) {
		const char *text = options->at[i];
		const struct mount_option *option = option_find(text, &value);
		int64_t propagation = oci_name_value(&oci_propagations, text);

		if (option) {
			apply(option, value, &parsed);
		} else if (propagation < 0) {
			if (*text)
				append_data(&parsed.data, text);
		} else if (parsed.propagation_count < MOUNT_PROPAGATIONS_MAX) {
			parsed.propagations[parsed.propagation_count++] =
				(unsigned long)propagation;
		} else {
			free(parsed.data);
			return err_set(e, -EINVAL, "mount option '%s': more than %d propagations",
				       json_excerpt(buf, text), MOUNT_PROPAGATIONS_MAX);
		}
	}
	*ret = parsed;
	return 0;
}

void mount_options_done(struct mount_options *options)
{
	if (!options)
		return;
	free(options->data);
	*options = (struct mount_options){0};
}

static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

const char **mount_option_names(unsigned int kinds, size_t *ret_count)
{
	const char **names = xcalloc(TABLE_COUNT + oci_propagations.count, sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (kinds & (1u << mount_option_table[i].kind))
			names[count++] = mount_option_table[i].name;
	for (size_t i = 0; i < oci_propagations.count; i++)
		if (kinds & (1u << MOUNT_OPTION_PROPAGATION))
			names[count++] = oci_propagations.at[i].name;
	qsort(names, count, sizeof(*names), compare_names);
	*ret_count = count;
	return names;
}
