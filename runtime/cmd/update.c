/* update: other limits for a container that runs, in the guest and on the host.
 *
 *   --resources | options ─> struct oci_resources ─┬─ what a VM cannot change: refused, by name
 *      limits in force, from the guest ────────────┤
 *                                                  ├─> host's cgroup, with the VM's own need ─┐
 *                                                  └─> guest's cgroup, exact ── failure: undo ┘
 *
 * Must not convert values to cgroup files: runtime/cgroup does. */
#include "runtime/cmd/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/cgroup/driver.h"
#include "runtime/cmd/guest_query.h"
#include "runtime/cmd/stats.h"
#include "runtime/oci/config.h"
#include "runtime/plan/plan.h"

#define UPDATE_WEIGHT_MIN 10
#define UPDATE_WEIGHT_MAX 1000

/* "67108864", "64m", "1.5 GiB", -1: as runc takes sizes. */
static int update_parse_bytes(const char *option, const char *text, struct oci_opt_i64 *ret,
			      struct err *e)
{
	static const char units[] = "kmgtp";
	double number;
	char *end;

	if (!text)
		return 0;
	ret->has = true;
	ret->value = -1;
	if (!strcmp(text, "-1"))
		return 0;
	number = isdigit((unsigned char)*text) ? strtod(text, &end) : -1;
	if (number >= 0) {
		const char *unit;

		end += *end == ' ';
		unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
		end += unit != NULL;
		end += unit && tolower((unsigned char)*end) == 'i';
		end += tolower((unsigned char)*end) == 'b';
		for (const char *at = units; unit && at <= unit; at++)
			number *= 1024;
	}
	if (number < 0 || *end || number >= (double)INT64_MAX)
		return err_set(e, -EINVAL, "invalid value for %s: invalid size: '%s'", option,
			       text);
	ret->value = (int64_t)number;
	return 0;
}

static int update_parse_i64(const char *option, const char *text, struct oci_opt_i64 *ret,
			    struct err *e)
{
	char *end;

	if (!text)
		return 0;
	errno = 0;
	ret->has = true;
	ret->value = strtoll(text, &end, 10);
	if (errno || !*text || *end || isspace((unsigned char)*text))
		return err_set(e, -EINVAL, "invalid value for %s: '%s' is no number", option, text);
	return 0;
}

static int update_parse_u64(const char *option, const char *text, struct oci_opt_u64 *ret,
			    struct err *e)
{
	struct oci_opt_i64 number = {0};
	int r = update_parse_i64(option, text, &number, e);

	if (r == 0 && number.value < 0)
		return err_set(e, -EINVAL, "invalid value for %s: '%s' is negative", option, text);
	*ret = (struct oci_opt_u64){.has = number.has, .value = (uint64_t)number.value};
	return r;
}

static int update_of_options(const struct cmd_update *u, struct oci_resources *ret, struct err *e)
{
	struct oci_opt_u64 weight = {0};
	int r = update_parse_bytes("memory", u->memory, &ret->memory.limit, e);

	if (r == 0)
		r = update_parse_bytes("memory-swap", u->memory_swap, &ret->memory.swap, e);
	if (r == 0)
		r = update_parse_bytes("memory-reservation", u->memory_reservation,
				       &ret->memory.reservation, e);
	if (r == 0)
		r = update_parse_u64("cpu-share", u->cpu_shares, &ret->cpu.shares, e);
	if (r == 0)
		r = update_parse_u64("cpu-period", u->cpu_period, &ret->cpu.period_us, e);
	if (r == 0)
		r = update_parse_i64("cpu-quota", u->cpu_quota, &ret->cpu.quota_us, e);
	if (r == 0)
		r = update_parse_u64("cpu-rt-period", u->cpu_rt_period,
				     &ret->cpu.realtime_period_us, e);
	if (r == 0)
		r = update_parse_i64("cpu-rt-runtime", u->cpu_rt_runtime,
				     &ret->cpu.realtime_runtime_us, e);
	if (r == 0)
		r = update_parse_i64("pids-limit", u->pids_limit, &ret->pids_limit, e);
	if (r == 0)
		r = update_parse_u64("blkio-weight", u->blkio_weight, &weight, e);
	if (r < 0)
		return r;
	ret->block_io.weight.has = weight.has;
	ret->block_io.weight.value =
		weight.value > UINT32_MAX ? UINT32_MAX : (uint32_t)weight.value;
	ret->cpu.cpus = u->cpuset_cpus && *u->cpuset_cpus ? u->cpuset_cpus : NULL;
	ret->cpu.mems = u->cpuset_mems && *u->cpuset_mems ? u->cpuset_mems : NULL;
	return 0;
}

/* The caller frees *ret with oci_resources_free(). "-" is standard input. */
static int update_of_file(const char *path, struct oci_resources **ret, struct err *e)
{
	bool is_stdin = !strcmp(path, "-");
	auto_free char *text = NULL;
	size_t size;
	int r = fd_read_file(AT_FDCWD, is_stdin ? "/proc/self/fd/0" : path, OCI_CONFIG_MAX_BYTES,
			     &text, &size);

	if (r < 0)
		return err_sys(e, r, "reading '%s'", path);
	return oci_resources_parse(text, size, is_stdin ? "standard input" : path, ret, e);
}

/* What the guest's kernel or the hardware of a VM has not; 0 is as good as absent. */
static int update_check_support(const struct oci_resources *r, const struct cmd_update *u,
				struct err *e)
{
	const char *name = NULL;
	const char *reason = "cgroup v2, the guest's, has none";

	if ((r->cpu.realtime_runtime_us.has && r->cpu.realtime_runtime_us.value) ||
	    (r->cpu.realtime_period_us.has && r->cpu.realtime_period_us.value))
		name = "cpu.realtimeRuntime, realtimePeriod";
	else if (r->memory.kernel.has && r->memory.kernel.value > 0)
		name = "memory.kernel";
	else if (r->memory.kernel_tcp.has && r->memory.kernel_tcp.value > 0)
		name = "memory.kernelTCP";
	else if (r->memory.disable_oom_killer.value)
		name = "memory.disableOOMKiller";
	else if (r->net_class_id.has || r->net_priority_count || r->rdma_count) {
		name = "network, rdma";
		reason = "a VM's traffic has no class of the host's, and it has no such adapter";
	} else if (u->l3_cache_schema || u->mem_bw_schema) {
		name = "intelRdt";
		reason = "the host's hardware is not the VM's";
	}
	if (name)
		return err_set(e, -ENOTSUP, "update: %s: %s", name, reason);
	if (r->block_io.weight.has && r->block_io.weight.value &&
	    (r->block_io.weight.value < UPDATE_WEIGHT_MIN ||
	     r->block_io.weight.value > UPDATE_WEIGHT_MAX))
		return err_set(e, -EINVAL, "update: blockIO.weight: %u is not between %d and %d",
			       r->block_io.weight.value, UPDATE_WEIGHT_MIN, UPDATE_WEIGHT_MAX);
	return 0;
}

/* The VM stays as large as it was made. */
static int update_check_size(const struct oci_resources *r, const struct state_vm *vm,
			     struct err *e)
{
	uint32_t usable_mib = vm->memory_mib > PLAN_GUEST_OVERHEAD_MIB
				      ? vm->memory_mib - PLAN_GUEST_OVERHEAD_MIB
				      : 0;
	int64_t usable = (int64_t)usable_mib << 20;

	if (!vm->memory_mib)
		return err_set(e, -ENOTSUP, "update: the container was made by an older vmrt");
	if (r->memory.limit.has && r->memory.limit.value > usable)
		return err_set(e, -ENOTSUP,
			       "update: memory.limit: %" PRId64 " bytes are more than the VM, "
			       "which stays as large as it was started, has for it: %" PRId64,
			       r->memory.limit.value, usable);
	if (r->cpu.quota_us.has && r->cpu.quota_us.value > 0 &&
	    (uint64_t)r->cpu.quota_us.value / vm->vcpus > r->cpu.period_us.value)
		return err_set(e, -ENOTSUP,
			       "update: cpu.quota: %" PRId64 " in %" PRIu64
			       " us is more than the CPUs that the VM was started with: %u",
			       r->cpu.quota_us.value, r->cpu.period_us.value, vm->vcpus);
	return 0;
}

/* Half of a pair means the other half as it is now. */
static void update_complete(struct oci_resources *r, const struct stats *now)
{
	uint64_t limit = stats_number(now, "memory.max");
	uint64_t quota, period;

	stats_cpu_max(now, &quota, &period);
	if (r->memory.swap.has && r->memory.swap.value > 0 &&
	    !(r->memory.limit.has && r->memory.limit.value) && limit != STATS_NONE)
		r->memory.limit = (struct oci_opt_i64){.has = true, .value = (int64_t)limit};
	if (r->cpu.quota_us.has && r->cpu.quota_us.value && !r->cpu.period_us.value)
		r->cpu.period_us = (struct oci_opt_u64){.has = true, .value = period};
	else if (r->cpu.period_us.has && r->cpu.period_us.value && !r->cpu.quota_us.value)
		r->cpu.quota_us = (struct oci_opt_i64){
			.has = true, .value = quota == STATS_NONE ? -1 : (int64_t)quota};
}

/* cgroup v2 would take such a limit and kill; v1, and so runc there, refuses. */
static int update_check_usage(const struct oci_resources *r, const struct stats *now, struct err *e)
{
	uint64_t needed =
		stats_entry(now, "memory.stat", "anon") + stats_entry(now, "memory.stat", "shmem");

	if (!r->memory.limit.has || r->memory.limit.value <= 0 ||
	    (uint64_t)r->memory.limit.value >= needed)
		return 0;
	return err_set(e, -EBUSY,
		       "unable to set memory limit to %" PRId64 " (current usage: %" PRIu64
		       ", peak usage: %" PRIu64 ")",
		       r->memory.limit.value, stats_number(now, "memory.current"),
		       stats_number(now, "memory.peak"));
}

static int update_guest(const struct container *k, const struct guest_pairs *files, struct err *e)
{
	struct guest_list words = {.count = files->count * 2};
	auto_free char *answer = NULL;
	size_t size;
	int r;

	if (!files->count)
		return 0;
	words.at = xcalloc(words.count, sizeof(*words.at));
	for (uint32_t i = 0; i < files->count; i++) {
		words.at[i * 2] = files->at[i].name;
		words.at[i * 2 + 1] = files->at[i].value;
	}
	r = guest_query(k, GUEST_BUILTIN_UPDATE, &words, &answer, &size, e);
	free(words.at);
	return r;
}

static int update_apply(const struct container *k, const struct oci_resources *r, struct err *e)
{
	const struct cgroup_overhead overhead = container_overhead(&k->state.vm, r);
	struct guest_pairs files = {0};
	struct guest_pairs kept = {0};
	int rc = cgroup_limits_of_guest(r, &files, e);

	if (rc == 0)
		rc = cgroup_driver_update(k->dirfd, r, &overhead, &kept, e);
	if (rc == 0) {
		rc = update_guest(k, &files, e);
		if (rc < 0)
			cgroup_host_restore(&kept);
	}
	cgroup_pairs_done(&files);
	cgroup_pairs_done(&kept);
	return rc;
}

static int update_container(const struct container *k, const struct cmd_update *u,
			    struct oci_resources *r, struct err *e)
{
	auto_free char *answer = NULL;
	struct stats now;
	size_t size;
	int rc = update_check_support(r, u, e);

	if (rc == 0)
		rc = guest_query(k, GUEST_BUILTIN_STATS, NULL, &answer, &size, e);
	if (rc == 0)
		rc = stats_init(&now, answer, size, e);
	if (rc < 0)
		return rc;
	update_complete(r, &now);
	rc = update_check_size(r, &k->state.vm, e);
	if (rc == 0)
		rc = update_check_usage(r, &now, e);
	return rc < 0 ? rc : update_apply(k, r, e);
}

int cmd_update(struct cmd *c, struct err *e)
{
	const struct cmd_update *u = &c->values.update;
	auto_container struct container k = CONTAINER_NONE;
	struct oci_resources *from_file = NULL;
	struct oci_resources of_options = {0};
	int r = container_open(c, c->argv[0], &k, e);

	if (r == 0 && k.state.status == STATE_STOPPED)
		r = err_set(e, -ESRCH, "container not running");
	if (r == 0 && u->resources)
		r = update_of_file(u->resources, &from_file, e);
	else if (r == 0)
		r = update_of_options(u, &of_options, e);
	if (r == 0)
		r = update_container(&k, u, from_file ? from_file : &of_options, e);
	oci_resources_free(from_file);
	return r;
}
