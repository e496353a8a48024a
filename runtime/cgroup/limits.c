/* Limits as files of cgroup v2. Must not write them.
 *
 * The conversions from v1 are runc's (kernel's Documentation/admin-guide/cgroup-v2.rst has the
 * ranges): cpu.shares 2..262144 -> cpu.weight 1..10000, memory + swap -> swap alone. */
#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

#define LIMITS_PERIOD_US_DEFAULT 100000

static void limits_add(struct guest_pairs *p, char *name, char *value)
{
	p->at = xreallocarray(p->at, p->count + 1, sizeof(*p->at));
	p->at[p->count++] = (struct guest_pair){.name = name, .value = value};
}

/* -1 is "max" everywhere in cgroup v2. */
static char *limits_number(int64_t value)
{
	return value < 0 ? xstrdup("max") : xasprintf("%" PRId64, value);
}

static void limits_cpu(const struct oci_cpu *c, struct guest_pairs *p)
{
	bool has_quota = c->quota_us.has && c->quota_us.value != 0;
	bool has_period = c->period_us.has && c->period_us.value != 0;

	if (c->shares.has && c->shares.value) {
		uint64_t shares = c->shares.value < 2	     ? 2
				  : c->shares.value > 262144 ? 262144
							     : c->shares.value;

		limits_add(p, xstrdup("cpu.weight"),
			   xasprintf("%" PRIu64, 1 + (shares - 2) * 9999 / 262142));
	}
	if (c->idle.has)
		limits_add(p, xstrdup("cpu.idle"), xasprintf("%" PRId64, c->idle.value));
	if (has_quota || has_period) {
		auto_free char *quota =
			limits_number(has_quota && c->quota_us.value > 0 ? c->quota_us.value : -1);
		uint64_t period = has_period ? c->period_us.value : LIMITS_PERIOD_US_DEFAULT;

		limits_add(p, xstrdup("cpu.max"), xasprintf("%s %" PRIu64, quota, period));
	}
	if (c->burst_us.has && c->burst_us.value)
		limits_add(p, xstrdup("cpu.max.burst"), xasprintf("%" PRIu64, c->burst_us.value));
}

/* "memory + swap" of v1 as swap alone: its text, NULL for "leave as it is". */
static int limits_swap(const struct oci_memory *m, char **ret, struct err *e)
{
	int64_t limit = m->limit.has ? m->limit.value : 0;
	int64_t swap = m->swap.has ? m->swap.value : 0;

	*ret = NULL;
	if (limit == -1 && swap == 0)
		swap = -1;
	if (swap == 0)
		return 0;
	if (swap > 0 && limit <= 0)
		return err_set(e, -EINVAL,
			       "linux.resources.memory.swap: unable to set swap limit without "
			       "memory limit");
	if (swap > 0 && swap < limit)
		return err_set(e, -EINVAL,
			       "linux.resources.memory.swap: memory+swap limit should be >= "
			       "memory limit");
	*ret = limits_number(swap < 0 ? -1 : swap - limit);
	return 0;
}

static int limits_memory(const struct oci_memory *m, struct guest_pairs *p, struct err *e)
{
	char *swap;
	int r = limits_swap(m, &swap, e);

	if (r < 0)
		return r;
	/* First: a swap limit below what is in use would be refused after a smaller memory one. */
	if (swap)
		limits_add(p, xstrdup("memory.swap.max"), swap);
	if (m->limit.has && m->limit.value)
		limits_add(p, xstrdup("memory.max"), limits_number(m->limit.value));
	if (m->reservation.has && m->reservation.value)
		limits_add(p, xstrdup("memory.low"), limits_number(m->reservation.value));
	return 0;
}

/* The host's CPUs, nodes, disks and adapters are not the guest's. */
static bool limits_is_host_file(const char *name)
{
	static const char *const prefixes[] = {"cpuset.", "io.", "rdma."};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}

static int limits_unified(const struct oci_pairs *unified, struct guest_pairs *p, struct err *e)
{
	for (size_t i = 0; i < unified->count; i++) {
		const char *name = unified->at[i].key;

		if (strchr(name, '/') || !strchr(name, '.') || *name == '.' ||
		    !strncmp(name, "cgroup.", 7))
			return err_set(e, -EINVAL,
				       "linux.resources.unified: '%s' is no file of a controller",
				       name);
		if (!limits_is_host_file(name))
			limits_add(p, xstrdup(name), xstrdup(unified->at[i].value));
	}
	return 0;
}

int cgroup_limits_of_guest(const struct oci_resources *r, struct guest_pairs *ret, struct err *e)
{
	struct guest_pairs p = {0};
	int rc = 0;

	if (r) {
		rc = limits_memory(&r->memory, &p, e);
		limits_cpu(&r->cpu, &p);
		if (r->pids_limit.has && r->pids_limit.value)
			limits_add(&p, xstrdup("pids.max"), limits_number(r->pids_limit.value));
		for (size_t i = 0; i < r->hugepage_limit_count; i++) {
			const struct oci_hugepage_limit *h = &r->hugepage_limits[i];

			limits_add(&p, xasprintf("hugetlb.%s.max", h->page_size),
				   xasprintf("%" PRIu64, h->limit_bytes));
			limits_add(&p, xasprintf("hugetlb.%s.rsvd.max", h->page_size),
				   xasprintf("%" PRIu64, h->limit_bytes));
		}
		if (!rc)
			rc = limits_unified(&r->unified, &p, e);
	}
	if (rc < 0) {
		cgroup_pairs_done(&p);
		return rc;
	}
	*ret = p;
	return 0;
}

void cgroup_pairs_done(struct guest_pairs *pairs)
{
	for (uint32_t i = 0; pairs && i < pairs->count; i++) {
		free((char *)pairs->at[i].name);
		free((char *)pairs->at[i].value);
	}
	if (!pairs)
		return;
	free(pairs->at);
	*pairs = (struct guest_pairs){0};
}

unsigned int cgroup_cpu_count(const char *list)
{
	unsigned int count = 0;

	while (list && *list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = first;

		if (end == list)
			return 0;
		if (*end == '-') {
			list = end + 1;
			last = strtoul(list, &end, 10);
			if (end == list || last < first)
				return 0;
		}
		count += (unsigned int)(last - first + 1);
		if (*end && *end != ',')
			return 0;
		list = *end ? end + 1 : end;
	}
	return count;
}
