/* Limits of the host's cgroup, of v1 and v2. Must not write them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/cgroup/host.h"

#define HOST_PERIOD_US_DEFAULT 100000

struct host_limits {
	const struct cgroup_overhead *overhead;
	bool is_v2;
	struct guest_pairs *to;
};

/* Takes `value`; the name is the one of the version in use, NULL: there is none. */
static void host_add(struct host_limits *l, const char *v1, const char *v2, char *value)
{
	const char *name = l->is_v2 ? v2 : v1;
	struct guest_pairs *p = l->to;

	if (!name) {
		free(value);
		return;
	}
	p->at = xreallocarray(p->at, p->count + 1, sizeof(*p->at));
	p->at[p->count++] = (struct guest_pair){.name = xstrdup(name), .value = value};
}

static void host_memory(struct host_limits *l, const struct oci_memory *m)
{
	uint64_t extra = l->overhead->memory_bytes;
	int64_t limit = m->limit.has && m->limit.value > 0 ? m->limit.value : 0;
	int64_t swap = m->swap.has && m->swap.value > 0 ? m->swap.value : 0;

	if (limit)
		host_add(l, "memory.limit_in_bytes", "memory.max",
			 xasprintf("%" PRIu64, (uint64_t)limit + extra));
	/* v1 counts memory and swap together, and refuses less of both than of memory. */
	if (limit && swap >= limit && l->is_v2)
		host_add(l, NULL, "memory.swap.max",
			 xasprintf("%" PRIu64, (uint64_t)(swap - limit)));
	else if (limit && swap >= limit)
		host_add(l, "memory.memsw.limit_in_bytes", NULL,
			 xasprintf("%" PRIu64, (uint64_t)swap + extra));
	if (m->reservation.has && m->reservation.value > 0)
		host_add(l, "memory.soft_limit_in_bytes", "memory.low",
			 xasprintf("%" PRIu64, (uint64_t)m->reservation.value + extra));
	if (m->swappiness.has && m->swappiness.value <= OCI_SWAPPINESS_MAX)
		host_add(l, "memory.swappiness", NULL, xasprintf("%" PRIu64, m->swappiness.value));
}

static void host_cpu(struct host_limits *l, const struct oci_cpu *c)
{
	uint64_t period = c->period_us.has && c->period_us.value ? c->period_us.value
								 : HOST_PERIOD_US_DEFAULT;
	uint64_t extra = period * l->overhead->cpu_percent / 100;

	if (c->shares.has && c->shares.value) {
		uint64_t shares = c->shares.value < 2	     ? 2
				  : c->shares.value > 262144 ? 262144
							     : c->shares.value;

		host_add(l, "cpu.shares", "cpu.weight",
			 xasprintf("%" PRIu64,
				   l->is_v2 ? 1 + (shares - 2) * 9999 / 262142 : shares));
	}
	if (c->quota_us.has && c->quota_us.value < 0)
		host_add(l, "cpu.cfs_quota_us", "cpu.max",
			 l->is_v2 ? xasprintf("max %" PRIu64, period) : xstrdup("-1"));
	if (c->quota_us.has && c->quota_us.value > 0) {
		uint64_t quota = (uint64_t)c->quota_us.value + extra;

		host_add(l, "cpu.cfs_period_us", NULL, xasprintf("%" PRIu64, period));
		host_add(l, "cpu.cfs_quota_us", "cpu.max",
			 l->is_v2 ? xasprintf("%" PRIu64 " %" PRIu64, quota, period)
				  : xasprintf("%" PRIu64, quota));
	}
	if (c->cpus)
		host_add(l, "cpuset.cpus", "cpuset.cpus", xstrdup(c->cpus));
	if (c->mems)
		host_add(l, "cpuset.mems", "cpuset.mems", xstrdup(c->mems));
}

/* The kernel's ranges: 10..1000 of v1, 1..10000 of v2. */
static unsigned int host_weight(const struct host_limits *l, uint32_t weight)
{
	uint32_t at_least = weight < 10 ? 10 : weight;

	return l->is_v2 ? 1 + (at_least - 10) * 9999 / 990 : weight;
}

static void host_block_io(struct host_limits *l, const struct oci_block_io *b)
{
	static const struct {
		const char *v1;
		const char *v2;
	} names[OCI_THROTTLE_COUNT] = {
		[OCI_THROTTLE_READ_BPS] = {"blkio.throttle.read_bps_device", "rbps"},
		[OCI_THROTTLE_WRITE_BPS] = {"blkio.throttle.write_bps_device", "wbps"},
		[OCI_THROTTLE_READ_IOPS] = {"blkio.throttle.read_iops_device", "riops"},
		[OCI_THROTTLE_WRITE_IOPS] = {"blkio.throttle.write_iops_device", "wiops"},
	};

	if (b->weight.has && b->weight.value)
		host_add(l, "blkio.weight", "io.weight",
			 xasprintf("%u", host_weight(l, b->weight.value)));
	for (size_t i = 0; i < b->weight_device_count; i++) {
		const struct oci_weight_device *d = &b->weight_devices[i];

		if (d->weight.has && d->weight.value)
			host_add(l, "blkio.weight_device", "io.weight",
				 xasprintf("%" PRId64 ":%" PRId64 " %u", d->major, d->minor,
					   host_weight(l, d->weight.value)));
	}
	for (int which = 0; which < OCI_THROTTLE_COUNT; which++) {
		for (size_t i = 0; i < b->throttle[which].count; i++) {
			const struct oci_throttle_device *d = &b->throttle[which].at[i];

			host_add(l, names[which].v1, "io.max",
				 xasprintf("%" PRId64 ":%" PRId64 " %s%s%" PRIu64, d->major,
					   d->minor, l->is_v2 ? names[which].v2 : "",
					   l->is_v2 ? "=" : "", d->rate));
		}
	}
}

/* The host's CPUs, nodes, disks and adapters: what the guest's cgroup leaves to this one. */
static void host_unified(struct host_limits *l, const struct oci_pairs *unified)
{
	for (size_t i = 0; i < unified->count; i++) {
		const char *name = unified->at[i].key;

		if (!strncmp(name, "cpuset.", 7) || !strncmp(name, "io.", 3) ||
		    !strncmp(name, "rdma.", 5))
			host_add(l, NULL, name, xstrdup(unified->at[i].value));
	}
}

void cgroup_limits_of_host(const struct oci_resources *r, const struct cgroup_overhead *overhead,
			   bool is_v2, struct guest_pairs *ret)
{
	struct host_limits l = {.overhead = overhead, .is_v2 = is_v2, .to = ret};

	*ret = (struct guest_pairs){0};
	if (!r)
		return;
	host_memory(&l, &r->memory);
	host_cpu(&l, &r->cpu);
	if (r->pids_limit.has && r->pids_limit.value > 0)
		host_add(&l, "pids.max", "pids.max",
			 xasprintf("%" PRIu64, (uint64_t)r->pids_limit.value + overhead->pids));
	else if (r->pids_limit.has && r->pids_limit.value < 0)
		host_add(&l, "pids.max", "pids.max", xstrdup("max"));
	host_block_io(&l, &r->block_io);
	host_unified(&l, &r->unified);
}
