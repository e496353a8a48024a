/* linux.resources: the limits of the container's cgroup in the guest, and how large the VM is. Must
 * not know the host's cgroups. */
#include "runtime/plan/plan.h"

#include <string.h>

#include "lib/mem.h"
#include "runtime/cgroup/cgroup.h"

#define LIMITS_MEMORY_MIB_MAX (1u << 24)

static uint64_t limits_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Quota and CPU list bound the vCPUs, the settings (or the host) are the ceiling. */
static unsigned int limits_vcpus(const struct oci_resources *r, unsigned int ceiling)
{
	unsigned int listed = r ? cgroup_cpu_count(r->cpu.cpus) : 0;
	uint64_t want = ceiling;

	if (r && r->cpu.quota_us.has && r->cpu.quota_us.value > 0 && r->cpu.period_us.has &&
	    r->cpu.period_us.value > 0)
		want = ((uint64_t)r->cpu.quota_us.value + r->cpu.period_us.value - 1) /
		       r->cpu.period_us.value;
	if (listed)
		want = limits_min(want, listed);
	want = limits_min(want, ceiling);
	return want ? (unsigned int)want : 1;
}

static unsigned int limits_memory_mib(const struct oci_resources *r, unsigned int otherwise)
{
	int64_t bytes = r && r->memory.limit.has ? r->memory.limit.value : 0;
	uint64_t mib = bytes > 0 ? ((uint64_t)bytes + (1 << 20) - 1) >> 20 : 0;

	/* A limit above the default is a promise too, but not beyond what QEMU can be told. */
	if (!mib || mib >= LIMITS_MEMORY_MIB_MAX)
		return otherwise;
	return (unsigned int)mib + PLAN_GUEST_OVERHEAD_MIB;
}

int plan_limits(struct plan *p, const struct settings *settings, struct err *e)
{
	const struct oci_resources *r = p->config->linux_.resources;
	int rc = cgroup_limits_of_guest(r, &p->cgroup_files, e);

	if (rc < 0)
		return err_prefix(e, rc, "config.json");
	p->guest.cgroup_files.count = p->cgroup_files.count;
	p->guest.cgroup_files.at = xcalloc(p->cgroup_files.count, sizeof(*p->cgroup_files.at));
	if (p->cgroup_files.count)
		memcpy(p->guest.cgroup_files.at, p->cgroup_files.at,
		       p->cgroup_files.count * sizeof(*p->cgroup_files.at));
	p->memory_mib = limits_memory_mib(r, settings->memory_mib);
	p->vcpus = limits_vcpus(r, settings->vcpus);
	return 0;
}
