/* cgroup v2 files -> runc's JSON. Pure; what is read is the guest's: numbers that are none are 0.
 */
#include "runtime/cmd/stats.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/cmd/guest_query.h"

#define STATS_WORD_BYTES 64
#define STATS_LIST_MAX	 1024 /* CPUs, memory nodes */

int stats_init(struct stats *s, const char *answer, size_t size, struct err *e)
{
	struct guest_file f;
	struct wire_in in;

	*s = (struct stats){.answer = answer, .size = size};
	wire_in_init(&in, answer, size);
	while (guest_query_next(&in, &f)) {
	}
	return wire_in_end(&in) ? 0 : err_set(e, -EPROTO, "guest: malformed usage numbers");
}

/* The text of a file, to be freed; NULL when it is not there. */
static char *stats_text(const struct stats *s, const char *file)
{
	struct guest_file f;
	struct wire_in in;

	wire_in_init(&in, s->answer, s->size);
	while (guest_query_next(&in, &f)) {
		if (!strcmp(f.name, file))
			return xstrndup(f.data, f.size);
	}
	return NULL;
}

static uint64_t stats_parse(const char *text)
{
	return isdigit((unsigned char)*text) ? strtoull(text, NULL, 10) : 0;
}

uint64_t stats_number(const struct stats *s, const char *file)
{
	auto_free char *text = stats_text(s, file);

	return !text || !strncmp(text, "max", 3) ? STATS_NONE : stats_parse(text);
}

uint64_t stats_entry(const struct stats *s, const char *file, const char *key)
{
	auto_free char *text = stats_text(s, file);
	size_t size = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ?: "") {
		line += *line == '\n';
		if (!strncmp(line, key, size) && line[size] == ' ')
			return stats_parse(line + size + 1);
	}
	return 0;
}

void stats_cpu_max(const struct stats *s, uint64_t *ret_quota_us, uint64_t *ret_period_us)
{
	auto_free char *text = stats_text(s, "cpu.max");
	const char *second = text ? strchr(text, ' ') : NULL;

	*ret_quota_us = !text || !strncmp(text, "max", 3) ? STATS_NONE : stats_parse(text);
	*ret_period_us = second ? stats_parse(second + 1) : 0;
}

/* Go's omitempty. */
static void stats_put_some(struct json_out *out, const char *key, uint64_t value)
{
	if (value && value != STATS_NONE)
		json_out_u64(out, key, value);
}

static void stats_put_cpu(const struct stats *s, struct json_out *out)
{
	json_out_object(out, "cpu");
	json_out_object(out, "usage");
	stats_put_some(out, "total", stats_entry(s, "cpu.stat", "usage_usec") * 1000);
	json_out_u64(out, "kernel", stats_entry(s, "cpu.stat", "system_usec") * 1000);
	json_out_u64(out, "user", stats_entry(s, "cpu.stat", "user_usec") * 1000);
	json_out_end(out);
	json_out_object(out, "throttling");
	stats_put_some(out, "periods", stats_entry(s, "cpu.stat", "nr_periods"));
	stats_put_some(out, "throttledPeriods", stats_entry(s, "cpu.stat", "nr_throttled"));
	stats_put_some(out, "throttledTime", stats_entry(s, "cpu.stat", "throttled_usec") * 1000);
	json_out_end(out);
	json_out_end(out);
}

/* "0-2,5" as a list of numbers. */
static void stats_put_list(const struct stats *s, struct json_out *out, const char *key,
			   const char *file)
{
	auto_free char *text = stats_text(s, file);
	const char *at = text ? text : "";
	size_t count = 0;

	if (!isdigit((unsigned char)*at))
		return;
	json_out_array(out, key);
	while (isdigit((unsigned char)*at)) {
		char *end;
		unsigned long first = strtoul(at, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		for (; first <= last && count < STATS_LIST_MAX; count++)
			json_out_u64(out, NULL, first++);
		at = end + (*end == ',');
	}
	json_out_end(out);
}

/* What cgroup v1 has beside the lists has no counterpart. */
static void stats_put_cpuset(const struct stats *s, struct json_out *out)
{
	static const char *const zeros[] = {
		"cpu_exclusive",   "mem_hardwall",	 "mem_exclusive",
		"memory_migrate",  "memory_spread_page", "memory_spread_slab",
		"memory_pressure", "sched_load_balance", "sched_relax_domain_level",
	};

	json_out_object(out, "cpuset");
	stats_put_list(s, out, "cpus", "cpuset.cpus.effective");
	for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++) {
		if (i == 1)
			stats_put_list(s, out, "mems", "cpuset.mems.effective");
		json_out_u64(out, zeros[i], 0);
	}
	json_out_end(out);
}

struct stats_memory {
	uint64_t limit;
	uint64_t usage;
	uint64_t max;
	uint64_t failures;
};

static void stats_put_entry(struct json_out *out, const char *key, const struct stats_memory *m)
{
	json_out_object(out, key);
	json_out_u64(out, "limit", m->limit);
	stats_put_some(out, "usage", m->usage);
	stats_put_some(out, "max", m->max);
	json_out_u64(out, "failcnt", m->failures);
	json_out_end(out);
}

static void stats_put_raw(const struct stats *s, struct json_out *out)
{
	auto_free char *text = stats_text(s, "memory.stat");
	char *save = NULL;

	if (!text)
		return;
	json_out_object(out, "raw");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		if (!space || space - line >= STATS_WORD_BYTES)
			continue;
		*space = '\0';
		json_out_u64(out, line, stats_parse(space + 1));
	}
	json_out_end(out);
}

static uint64_t stats_or_zero(uint64_t value)
{
	return value == STATS_NONE ? 0 : value;
}

static void stats_put_memory(const struct stats *s, struct json_out *out)
{
	const struct stats_memory none = {0};
	const struct stats_memory memory = {
		.limit = stats_number(s, "memory.max"),
		.usage = stats_or_zero(stats_number(s, "memory.current")),
		.max = stats_or_zero(stats_number(s, "memory.peak")),
		.failures = stats_entry(s, "memory.events", "max"),
	};
	struct stats_memory swap = {
		.limit = stats_number(s, "memory.swap.max"),
		.usage = memory.usage + stats_or_zero(stats_number(s, "memory.swap.current")),
	};

	if (swap.limit != STATS_NONE && memory.limit != STATS_NONE)
		swap.limit += memory.limit;
	json_out_object(out, "memory");
	stats_put_some(out, "cache", stats_entry(s, "memory.stat", "file"));
	stats_put_entry(out, "usage", &memory);
	stats_put_entry(out, "swap", &swap);
	stats_put_entry(out, "kernel", &none);
	stats_put_entry(out, "kernelTCP", &none);
	stats_put_raw(s, out);
	json_out_end(out);
}

/* One "rbytes=12" of io.stat as an operation of a device. */
static void stats_put_operation(struct json_out *out, unsigned int major, unsigned int minor,
				const char *operation, uint64_t value)
{
	json_out_object(out, NULL);
	stats_put_some(out, "major", major);
	stats_put_some(out, "minor", minor);
	json_out_string(out, "op", operation);
	stats_put_some(out, "value", value);
	json_out_end(out);
}

static void stats_put_io(const char *text, struct json_out *out, const char *key,
			 const char *const names[3])
{
	static const char *const operations[] = {"Read", "Write", "Discard"};
	auto_free char *copy = xstrdup(text);
	char *save = NULL;
	bool is_open = false;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int major, minor;

		if (sscanf(line, "%u:%u", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < 3; i++) {
			const char *at = strstr(line, names[i]);

			if (!at)
				continue;
			if (!is_open)
				json_out_array(out, key);
			is_open = true;
			stats_put_operation(out, major, minor, operations[i],
					    stats_parse(at + strlen(names[i])));
		}
	}
	if (is_open)
		json_out_end(out);
}

static void stats_put_blkio(const struct stats *s, struct json_out *out)
{
	static const char *const bytes[] = {" rbytes=", " wbytes=", " dbytes="};
	static const char *const times[] = {" rios=", " wios=", " dios="};
	auto_free char *text = stats_text(s, "io.stat");

	json_out_object(out, "blkio");
	if (text) {
		stats_put_io(text, out, "ioServiceBytesRecursive", bytes);
		stats_put_io(text, out, "ioServicedRecursive", times);
	}
	json_out_end(out);
}

/* Of each page size the guest has: "hugetlb.2MB.current" and so on. */
static void stats_put_hugetlb(const struct stats *s, struct json_out *out)
{
	struct guest_file f;
	struct wire_in in;

	json_out_object(out, "hugetlb");
	wire_in_init(&in, s->answer, s->size);
	while (guest_query_next(&in, &f)) {
		char size[STATS_WORD_BYTES], events[STATS_WORD_BYTES + 16], tail;

		if (sscanf(f.name, "hugetlb.%63[^.].curren%c", size, &tail) != 2 || tail != 't')
			continue;
		snprintf(events, sizeof(events), "hugetlb.%s.events", size);
		json_out_object(out, size);
		stats_put_some(out, "usage", stats_number(s, f.name));
		json_out_u64(out, "failcnt", stats_entry(s, events, "max"));
		json_out_end(out);
	}
	json_out_end(out);
}

void stats_put(const struct stats *s, struct json_out *out)
{
	json_out_object(out, "data");
	stats_put_cpu(s, out);
	stats_put_cpuset(s, out);
	stats_put_memory(s, out);
	json_out_object(out, "pids");
	stats_put_some(out, "current", stats_number(s, "pids.current"));
	stats_put_some(out, "limit", stats_number(s, "pids.max"));
	json_out_end(out);
	stats_put_blkio(s, out);
	stats_put_hugetlb(s, out);
	json_out_object(out, "intel_rdt");
	json_out_end(out);
	/* The VM's interfaces are the engine's, which counts on the host: runc has none either. */
	json_out_null(out, "network_interfaces");
	json_out_end(out);
}
