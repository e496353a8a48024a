/* What config.json may ask for and vmrt does not do: each by name, in one table.
 *
 * REFUSE: the container would not be what was asked for, or would break. WARN: it runs without,
 * and the line is in the container's log (and on stderr where a person looks). A row leaves the
 * table in the change that implements it. */
#include "runtime/plan/plan.h"

#include <errno.h>
#include <string.h>

enum support_kind { SUPPORT_WARN, SUPPORT_REFUSE };

struct support_row {
	enum support_kind kind;
	bool (*is_asked)(const struct oci_config *c);
	const char *field;
	const char *text;
};

/* The rule of the other kinds cannot help here: ids would be others than those of the files. */
static bool support_user_ns(const struct oci_config *c)
{
	const struct oci_namespace *ns = oci_config_namespace(c, OCI_NS_USER);

	return ns && !(c->linux_.uid_mappings.count && c->linux_.gid_mappings.count);
}

static bool support_net_devices(const struct oci_config *c)
{
	return c->linux_.net_device_count;
}

static bool support_joined(const struct oci_config *c)
{
	for (size_t i = 0; i < c->linux_.namespace_count; i++) {
		const struct oci_namespace *ns = &c->linux_.namespaces[i];

		if (ns->path && ns->type != OCI_NS_NETWORK)
			return true;
	}
	return false;
}

static bool support_realtime_runtime(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->cpu.realtime_runtime_us.has && r->cpu.realtime_runtime_us.value;
}

static bool support_realtime_period(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->cpu.realtime_period_us.has && r->cpu.realtime_period_us.value;
}

static bool support_kernel_memory(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->memory.kernel.has && r->memory.kernel.value > 0;
}

static bool support_kernel_tcp(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->memory.kernel_tcp.has && r->memory.kernel_tcp.value > 0;
}

/* Engines send 2^64-1 for "unset"; what else is above 100 has been refused. */
static bool support_swappiness(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->memory.swappiness.has && r->memory.swappiness.value <= OCI_SWAPPINESS_MAX;
}

static bool support_no_oom_killer(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->memory.disable_oom_killer.value;
}

static bool support_no_hierarchy(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->memory.use_hierarchy.has && !r->memory.use_hierarchy.value;
}

static bool support_leaf_weight(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && r->block_io.leaf_weight.has && r->block_io.leaf_weight.value;
}

static bool support_device_leaf_weight(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	for (size_t i = 0; r && i < r->block_io.weight_device_count; i++) {
		if (r->block_io.weight_devices[i].leaf_weight.has)
			return true;
	}
	return false;
}

static bool support_net_class(const struct oci_config *c)
{
	return c->linux_.resources && c->linux_.resources->net_class_id.has;
}

static bool support_net_priorities(const struct oci_config *c)
{
	return c->linux_.resources && c->linux_.resources->net_priority_count;
}

static bool support_rdma(const struct oci_config *c)
{
	return c->linux_.resources && c->linux_.resources->rdma_count;
}

static bool support_apparmor(const struct oci_config *c)
{
	return c->process->apparmor_profile;
}

static bool support_selinux(const struct oci_config *c)
{
	return c->process->selinux_label;
}

static bool support_mount_label(const struct oci_config *c)
{
	return c->linux_.mount_label;
}

static bool support_affinity(const struct oci_config *c)
{
	return c->process->exec_affinity_initial || c->process->exec_affinity_final;
}

static bool support_intel_rdt(const struct oci_config *c)
{
	return c->linux_.intel_rdt;
}

static bool support_memory_policy(const struct oci_config *c)
{
	return c->linux_.memory_policy;
}

static const char support_no_v2[] = "not applied: cgroup v2, the guest's, has none";
static const char support_no_leaves[] = "not applied: only the CFQ scheduler of old kernels had it";
static const char support_no_module[] = "the guest's kernel has no such module";
static const char support_no_hardware[] = "the host's hardware is not the VM's: not applied";

static const struct support_row support_rows[] = {
	{SUPPORT_REFUSE, support_user_ns, "linux.uidMappings, gidMappings",
	 "a user namespace needs them"},
	{SUPPORT_REFUSE, support_net_devices, "linux.netDevices",
	 "host network devices cannot be moved into a VM"},
	/* The specification wants an error where there is no resctrl. */
	{SUPPORT_REFUSE, support_intel_rdt, "linux.intelRdt", "a VM's kernel has no resctrl"},
	{SUPPORT_WARN, support_joined, "linux.namespaces",
	 "a VM cannot join a namespace of the host's kernel: it has its own"},
	{SUPPORT_WARN, support_realtime_runtime, "linux.resources.cpu.realtimeRuntime",
	 support_no_v2},
	{SUPPORT_WARN, support_realtime_period, "linux.resources.cpu.realtimePeriod",
	 support_no_v2},
	{SUPPORT_WARN, support_kernel_memory, "linux.resources.memory.kernel", support_no_v2},
	{SUPPORT_WARN, support_kernel_tcp, "linux.resources.memory.kernelTCP", support_no_v2},
	{SUPPORT_WARN, support_swappiness, "linux.resources.memory.swappiness",
	 "not applied inside: cgroup v2, the guest's, has none"},
	{SUPPORT_WARN, support_no_oom_killer, "linux.resources.memory.disableOOMKiller",
	 support_no_v2},
	{SUPPORT_WARN, support_no_hierarchy, "linux.resources.memory.useHierarchy",
	 "cgroup v2, the guest's, always has it"},
	{SUPPORT_WARN, support_leaf_weight, "linux.resources.blockIO.leafWeight",
	 support_no_leaves},
	{SUPPORT_WARN, support_device_leaf_weight,
	 "linux.resources.blockIO.weightDevice.leafWeight", support_no_leaves},
	{SUPPORT_WARN, support_net_class, "linux.resources.network.classID",
	 "not applied: a VM's traffic has no class of the host's"},
	{SUPPORT_WARN, support_net_priorities, "linux.resources.network.priorities",
	 "not applied: a VM's traffic has no priority of the host's"},
	{SUPPORT_WARN, support_rdma, "linux.resources.rdma", support_no_hardware},
	{SUPPORT_WARN, support_apparmor, "process.apparmorProfile", support_no_module},
	{SUPPORT_WARN, support_selinux, "process.selinuxLabel", support_no_module},
	{SUPPORT_WARN, support_mount_label, "linux.mountLabel", support_no_module},
	{SUPPORT_WARN, support_affinity, "process.execCPUAffinity",
	 "the host's CPU numbers are not the VM's: not applied"},
	{SUPPORT_WARN, support_memory_policy, "linux.memoryPolicy", support_no_hardware},
};

int plan_check_support(struct plan *p, struct err *e)
{
	for (size_t i = 0; i < sizeof(support_rows) / sizeof(*support_rows); i++) {
		const struct support_row *row = &support_rows[i];

		if (!row->is_asked(p->config))
			continue;
		if (row->kind == SUPPORT_REFUSE)
			return err_set(e, -ENOTSUP, "config.json: %s: %s", row->field, row->text);
		plan_warn(p, "config.json: %s: %s", row->field, row->text);
	}
	for (size_t i = 0; i < p->config->warnings.count; i++)
		plan_warn(p, "%s", p->config->warnings.at[i]);
	return 0;
}
