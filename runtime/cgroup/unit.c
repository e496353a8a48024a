/* Names and properties of a container's unit of systemd's. Must not talk to systemd.
 *
 * systemd.resource-control(5) has the properties, the GVariant text format's documentation the
 * values of annotations. What systemd has no property for stays a file of the cgroup alone. */
#include "runtime/cgroup/unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

#define UNIT_SLICE_DEFAULT  "system.slice"
#define UNIT_PREFIX_DEFAULT "vmrt"
#define UNIT_ANNOTATION	    "org.systemd.property."
#define UNIT_NAME_MIN	    3 /* of a property */
#define UNIT_CPU_MAX	    8192
#define UNIT_QUOTA_STEP_US  10000 /* systemd's own resolution */
#define UNIT_SECOND_US	    1000000

static bool unit_ends_with(const char *text, const char *end)
{
	size_t size = strlen(text);

	return size >= strlen(end) && !strcmp(text + size - strlen(end), end);
}

/* In runc's way: the name alone when it is a slice, else prefix-name.scope. */
int unit_name_parse(const char *cgroups_path, const char *id, struct unit_name *ret, struct err *e)
{
	bool is_absent = !cgroups_path || !*cgroups_path;
	auto_free char *path =
		is_absent ? xasprintf(":" UNIT_PREFIX_DEFAULT ":%s", id) : xstrdup(cgroups_path);
	char *prefix = strchr(path, ':');
	char *name = prefix ? strchr(prefix + 1, ':') : NULL;

	*ret = (struct unit_name){0};
	if (!name || !name[1] || strchr(name + 1, ':'))
		return err_set(e, -EINVAL,
			       "config.json: linux.cgroupsPath: expected slice:prefix:name for the "
			       "systemd cgroup driver, found '%s'",
			       path);
	*prefix++ = '\0';
	*name++ = '\0';
	if (*path && (!unit_ends_with(path, ".slice") || strchr(path, '/')))
		return err_set(e, -EINVAL,
			       "config.json: linux.cgroupsPath: '%s' is no name of a slice", path);
	*ret = (struct unit_name){
		.slice = xstrdup(*path ? path : UNIT_SLICE_DEFAULT),
		.label = xstrdup(name),
		.is_slice = unit_ends_with(name, ".slice"),
	};
	ret->unit = ret->is_slice ? xstrdup(name) : xasprintf("%s-%s.scope", prefix, name);
	return 0;
}

void unit_name_done(struct unit_name *n)
{
	if (!n)
		return;
	free(n->slice);
	free(n->unit);
	free(n->label);
	*n = (struct unit_name){0};
}

static struct unit_property *unit_add(struct unit_properties *to, const char *name,
				      const char *type)
{
	struct unit_property *p;

	to->at = xreallocarray(to->at, to->count + 1, sizeof(*to->at));
	p = &to->at[to->count++];
	*p = (struct unit_property){.name = xstrdup(name)};
	snprintf(p->type, sizeof(p->type), "%s", type);
	return p;
}

static void unit_add_number(struct unit_properties *to, const char *name, const char *type,
			    uint64_t number)
{
	unit_add(to, name, type)->number = number;
}

static void unit_add_text(struct unit_property *p, char *text)
{
	p->texts = xreallocarray(p->texts, p->text_count + 1, sizeof(*p->texts));
	p->texts[p->text_count++] = text;
}

void unit_properties_done(struct unit_properties *p)
{
	for (size_t i = 0; p && i < p->count; i++) {
		for (size_t k = 0; k < p->at[i].text_count; k++)
			free(p->at[i].texts[k]);
		free(p->at[i].texts);
		free(p->at[i].bytes);
		free(p->at[i].name);
	}
	if (!p)
		return;
	free(p->at);
	*p = (struct unit_properties){0};
}

/* "0-2,5" as bits: bit n of byte m is number 8m + n. */
static void unit_add_mask(struct unit_properties *to, const char *name, const char *list)
{
	struct unit_property *p;

	if (!cgroup_cpu_count(list))
		return;
	p = unit_add(to, name, "ay");
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		for (unsigned long n = first; n <= last && n < UNIT_CPU_MAX; n++) {
			size_t need = n / 8 + 1;

			if (need > p->byte_count) {
				p->bytes = xreallocarray(p->bytes, need, 1);
				memset(p->bytes + p->byte_count, 0, need - p->byte_count);
				p->byte_count = need;
			}
			p->bytes[n / 8] |= (uint8_t)(1u << n % 8);
		}
		list = *end ? end + 1 : end;
	}
}

static void unit_add_quota(struct unit_properties *to, uint64_t quota_us, uint64_t period_us)
{
	uint64_t per_second = UINT64_MAX; /* no limit */

	if (quota_us <= UINT64_MAX / UNIT_SECOND_US) {
		per_second = quota_us * UNIT_SECOND_US / period_us;
		per_second = (per_second + UNIT_QUOTA_STEP_US - 1) / UNIT_QUOTA_STEP_US *
			     UNIT_QUOTA_STEP_US;
	}
	if (period_us)
		unit_add_number(to, "CPUQuotaPeriodUSec", "t", period_us);
	unit_add_number(to, "CPUQuotaPerSecUSec", "t", per_second);
}

/* A file whose content is one number, and the property that is the same. */
static const struct {
	const char *file;
	const char *property;
} unit_numbers[] = {
	{"memory.limit_in_bytes", "MemoryLimit"},
	{"memory.max", "MemoryMax"},
	{"memory.low", "MemoryLow"},
	{"memory.swap.max", "MemorySwapMax"},
	{"cpu.shares", "CPUShares"},
	{"cpu.weight", "CPUWeight"},
	{"blkio.weight", "BlockIOWeight"},
	{"io.weight", "IOWeight"},
	{"pids.max", "TasksMax"},
};

/* A number, or "no limit" as either version of cgroups writes it, which is systemd's infinity. Not
 * what is about one device. */
static bool unit_read_limit(const char *text, uint64_t *ret)
{
	static const char all_devices[] = "default ";
	char *end;

	if (!strncmp(text, all_devices, sizeof(all_devices) - 1))
		text += sizeof(all_devices) - 1;
	if (!strcmp(text, "max") || !strcmp(text, "-1")) {
		*ret = UINT64_MAX;
		return true;
	}
	*ret = strtoull(text, &end, 10);
	return end != text && !*end;
}

/* "QUOTA PERIOD" */
static void unit_read_cpu_max(const char *text, uint64_t *quota_us, uint64_t *period_us)
{
	if (sscanf(text, "max %" SCNu64, period_us) == 1)
		*quota_us = UINT64_MAX;
	else
		(void)sscanf(text, "%" SCNu64 " %" SCNu64, quota_us, period_us);
}

static void unit_add_file(struct unit_properties *to, const struct guest_pair *file,
			  uint64_t *period_us)
{
	uint64_t quota_us = 0;
	uint64_t number;

	for (size_t i = 0; i < sizeof(unit_numbers) / sizeof(*unit_numbers); i++) {
		if (!strcmp(file->name, unit_numbers[i].file) &&
		    unit_read_limit(file->value, &number))
			unit_add_number(to, unit_numbers[i].property, "t", number);
	}
	if (!strcmp(file->name, "cpu.cfs_period_us"))
		*period_us = strtoull(file->value, NULL, 10);
	else if (!strcmp(file->name, "cpu.cfs_quota_us"))
		(void)unit_read_limit(file->value, &quota_us);
	else if (!strcmp(file->name, "cpu.max"))
		unit_read_cpu_max(file->value, &quota_us, period_us);
	if (quota_us && (*period_us || quota_us == UINT64_MAX))
		unit_add_quota(to, quota_us, *period_us);
}

void unit_properties_of_limits(const struct oci_resources *r,
			       const struct cgroup_overhead *overhead, bool is_v2,
			       struct unit_properties *to)
{
	struct guest_pairs files;
	uint64_t period_us = 0;

	cgroup_limits_of_host(r, overhead, is_v2, &files);
	for (uint32_t i = 0; i < files.count; i++) {
		const struct guest_pair *f = &files.at[i];

		unit_add_file(to, f, &period_us);
		/* systemd has these for the unified hierarchy alone. */
		if (is_v2 && !strcmp(f->name, "cpuset.cpus"))
			unit_add_mask(to, "AllowedCPUs", f->value);
		else if (is_v2 && !strcmp(f->name, "cpuset.mems"))
			unit_add_mask(to, "AllowedMemoryNodes", f->value);
	}
	cgroup_pairs_done(&files);
}

static const struct {
	const char *word;
	const char *type;
	bool is_signed;
	unsigned int bits;
} unit_types[] = {
	{"byte", "y", false, 8},    {"int16", "n", true, 16},	{"uint16", "q", false, 16},
	{"int32", "i", true, 32},   {"uint32", "u", false, 32}, {"int64", "x", true, 64},
	{"uint64", "t", false, 64},
};

/* "5", "-1", "0x10"; in the range of the type. */
static bool unit_read_number(const char *text, bool is_signed, unsigned int bits, uint64_t *ret)
{
	char *end;

	errno = 0;
	if (!isdigit((unsigned char)*text) && (*text != '-' || !is_signed))
		return false;
	if (is_signed) {
		long long v = strtoll(text, &end, 0);
		long long top = (long long)((UINT64_C(1) << (bits - 1)) - 1);

		*ret = (uint64_t)v;
		return !errno && end != text && !*end && v <= top && v >= -top - 1;
	}
	*ret = strtoull(text, &end, 0);
	return !errno && end != text && !*end && (bits == 64 || *ret >> bits == 0);
}

/* 'text' or "text" without escapes; *at is set behind it. */
static char *unit_read_quoted(const char **at)
{
	char quote = **at;
	const char *end = quote == '\'' || quote == '"' ? strchr(*at + 1, quote) : NULL;
	char *text;

	if (!end)
		return NULL;
	text = xstrndup(*at + 1, (size_t)(end - *at - 1));
	if (strchr(text, '\\')) {
		free(text);
		return NULL;
	}
	*at = end + 1;
	return text;
}

static bool unit_read_list(const char *value, struct unit_property *p)
{
	const char *at = value + 1;

	for (;;) {
		char *text;

		at += strspn(at, " ");
		if (*at == ']' && !p->text_count)
			break;
		text = unit_read_quoted(&at);
		if (!text)
			return false;
		unit_add_text(p, text);
		at += strspn(at, " ");
		if (*at == ']')
			break;
		if (*at++ != ',')
			return false;
	}
	snprintf(p->type, sizeof(p->type), "as");
	return !at[1];
}

static bool unit_read_value(const char *value, struct unit_property *p)
{
	size_t word = strcspn(value, " ");
	const char *at = value;
	char *text;

	if (!strcmp(value, "true") || !strcmp(value, "false")) {
		snprintf(p->type, sizeof(p->type), "b");
		p->number = *value == 't';
		return true;
	}
	if (*value == '[')
		return unit_read_list(value, p);
	text = unit_read_quoted(&at);
	if (text) {
		unit_add_text(p, text);
		snprintf(p->type, sizeof(p->type), "s");
		return !*at;
	}
	for (size_t i = 0; value[word] && i < sizeof(unit_types) / sizeof(*unit_types); i++) {
		if (strlen(unit_types[i].word) != word ||
		    strncmp(unit_types[i].word, value, word) != 0)
			continue;
		snprintf(p->type, sizeof(p->type), "%s", unit_types[i].type);
		return unit_read_number(value + word + 1, unit_types[i].is_signed,
					unit_types[i].bits, &p->number);
	}
	snprintf(p->type, sizeof(p->type), "i");
	return unit_read_number(value, true, 32, &p->number);
}

static bool unit_is_property(const char *name)
{
	size_t size = 0;

	while (isalpha((unsigned char)name[size]))
		size++;
	return size >= UNIT_NAME_MIN && !name[size];
}

/* As in unit files, …Sec is in seconds; on the bus there is only …USec. */
static bool unit_convert_seconds(struct unit_property *p)
{
	size_t size = strlen(p->name);
	char *longer;

	if (!unit_ends_with(p->name, "Sec") || unit_ends_with(p->name, "USec"))
		return true;
	if (p->text_count || *p->type == 'b' || (int64_t)p->number < 0 ||
	    p->number > UINT64_MAX / UNIT_SECOND_US)
		return false;
	longer = xasprintf("%.*sUSec", (int)size - 3, p->name);
	free(p->name);
	p->name = longer;
	p->number *= UNIT_SECOND_US;
	snprintf(p->type, sizeof(p->type), "t");
	return true;
}

int unit_properties_of_annotations(const struct oci_pairs *annotations, struct unit_properties *to,
				   struct err *e)
{
	size_t prefix = strlen(UNIT_ANNOTATION);

	for (size_t i = 0; i < annotations->count; i++) {
		const struct oci_pair *a = &annotations->at[i];
		struct unit_property *p;

		if (strncmp(a->key, UNIT_ANNOTATION, prefix) != 0)
			continue;
		if (!unit_is_property(a->key + prefix))
			return err_set(e, -EINVAL,
				       "config.json: annotations: '%s' names no property", a->key);
		p = unit_add(to, a->key + prefix, "");
		if (!unit_read_value(a->value, p) || !unit_convert_seconds(p))
			return err_set(e, -EINVAL,
				       "config.json: annotations: '%s': '%s' is no value of a "
				       "property",
				       a->key, a->value);
	}
	return 0;
}
