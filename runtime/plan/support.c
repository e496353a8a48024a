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

static bool support_realtime(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && ((r->cpu.realtime_runtime_us.has && r->cpu.realtime_runtime_us.value) ||
		     (r->cpu.realtime_period_us.has && r->cpu.realtime_period_us.value));
}

static bool support_memory_v1(const struct oci_config *c)
{
	const struct oci_memory *m = c->linux_.resources ? &c->linux_.resources->memory : NULL;

	return m && ((m->kernel.has && m->kernel.value > 0) ||
		     (m->kernel_tcp.has && m->kernel_tcp.value > 0) || m->disable_oom_killer.value);
}

static bool support_traffic(const struct oci_config *c)
{
	const struct oci_resources *r = c->linux_.resources;

	return r && (r->net_class_id.has || r->net_priority_count || r->rdma_count);
}

static bool support_labels(const struct oci_config *c)
{
	return c->process->apparmor_profile || c->process->selinux_label || c->linux_.mount_label;
}

static bool support_affinity(const struct oci_config *c)
{
	return c->process->exec_affinity_initial || c->process->exec_affinity_final;
}

static bool support_hardware(const struct oci_config *c)
{
	return c->linux_.intel_rdt || c->linux_.memory_policy;
}

static const struct support_row support_rows[] = {
	{SUPPORT_REFUSE, support_user_ns, "linux.uidMappings, gidMappings",
	 "a user namespace needs them"},
	{SUPPORT_REFUSE, support_net_devices, "linux.netDevices",
	 "host network devices cannot be moved into a VM"},
	{SUPPORT_WARN, support_joined, "linux.namespaces",
	 "a VM cannot join a namespace of the host's kernel: it has its own"},
	{SUPPORT_WARN, support_realtime, "linux.resources.cpu.realtimeRuntime, realtimePeriod",
	 "not applied: cgroup v2, the guest's, has none"},
	{SUPPORT_WARN, support_memory_v1,
	 "linux.resources.memory.kernel, kernelTCP, disableOOMKiller",
	 "not applied: cgroup v2, the guest's, has none"},
	{SUPPORT_WARN, support_traffic, "linux.resources.network, rdma",
	 "a VM's traffic has no class of the host's, and it has no such adapter: not applied"},
	{SUPPORT_WARN, support_labels,
	 "process.apparmorProfile, process.selinuxLabel, "
	 "linux.mountLabel",
	 "the guest's kernel has no such module"},
	{SUPPORT_WARN, support_affinity, "process.execCPUAffinity",
	 "the host's CPU numbers are not the VM's: not applied"},
	{SUPPORT_WARN, support_hardware, "linux.intelRdt, linux.memoryPolicy",
	 "the host's hardware is not the VM's: not applied"},
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
