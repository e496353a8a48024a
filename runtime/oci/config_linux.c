/* Reads `linux` of config.json; resources and seccomp have files of their own. Must not check
 * what needs members outside `linux`. */
#include <string.h>

#include "runtime/oci/config_read.h"

#define NANOSECS_MAX 999999999

static void read_namespaces(struct oci_reader *r, const struct json_node *linux_node,
			    struct oci_linux *ret)
{
	const struct json_node *node =
		oci_read_objects(r, linux_node, "namespaces", sizeof(*ret->namespaces),
				 &ret->namespace_count, &ret->namespaces);
	char buf[JSON_EXCERPT_BYTES];

	for (; node; node = node->next) {
		struct oci_namespace *ns = &ret->namespaces[node->index];
		int64_t type;

		oci_read_required(r, node, "type", &ns->name);
		json_string(r->doc, node, "path", &ns->path);
		type = oci_name_value(&oci_namespaces, ns->name);
		ns->type = type < 0 ? OCI_NS_UNKNOWN : (enum oci_ns)type;
		if (type < 0 && ns->name)
			oci_warn(r, "ignoring unknown namespace type '%s'",
				 json_excerpt(buf, ns->name));
	}
}

static void read_device_type(struct oci_reader *r, const struct json_node *node, char *ret)
{
	char buf[JSON_EXCERPT_BYTES];
	const char *type = "";

	oci_read_required(r, node, "type", &type);
	if (strlen(type) != 1 || !strchr("bcup", *type)) /* runc's words */
		json_fail(r->doc, json_member(r->doc, node, "type"), "invalid device type \"%s\"",
			  json_excerpt(buf, type));
	*ret = *type == 'u' ? 'c' : *type;
}

static void read_device_number(struct oci_reader *r, const struct json_node *node, const char *key,
			       bool is_required, int64_t *ret)
{
	if (is_required)
		json_require(r->doc, node, key);
	if (json_i64(r->doc, node, key, ret) && is_required && *ret < 0)
		json_fail(r->doc, json_member(r->doc, node, key), "is negative");
}

static void read_devices(struct oci_reader *r, const struct json_node *linux_node,
			 struct oci_linux *ret)
{
	const struct json_node *node = oci_read_objects(
		r, linux_node, "devices", sizeof(*ret->devices), &ret->device_count, &ret->devices);

	for (; node; node = node->next) {
		struct oci_device *device = &ret->devices[node->index];

		oci_read_required(r, node, "path", &device->path);
		read_device_type(r, node, &device->type);
		read_device_number(r, node, "major", device->type != 'p', &device->major);
		read_device_number(r, node, "minor", device->type != 'p', &device->minor);
		oci_read_opt_u32(r, node, "fileMode", &device->file_mode);
		oci_read_opt_u32(r, node, "uid", &device->uid);
		oci_read_opt_u32(r, node, "gid", &device->gid);
	}
}

static void read_net_devices(struct oci_reader *r, const struct json_node *linux_node,
			     struct oci_linux *ret)
{
	const struct json_node *map = json_object(r->doc, linux_node, "netDevices");

	if (!map)
		return;
	json_unique_keys(r->doc, map);
	ret->net_devices = json_alloc(r->doc, map->count, sizeof(*ret->net_devices));
	ret->net_device_count = map->count;
	for (const struct json_node *node = map->first; node; node = node->next) {
		if (!json_expect(r->doc, node, JSON_OBJECT))
			return;
		ret->net_devices[node->index].host_name = node->key;
		json_string(r->doc, node, "name", &ret->net_devices[node->index].name);
	}
}

static void read_time_offsets(struct oci_reader *r, const struct json_node *linux_node,
			      struct oci_linux *ret)
{
	const struct json_node *map = json_object(r->doc, linux_node, "timeOffsets");

	if (!map)
		return;
	json_unique_keys(r->doc, map);
	ret->time_offsets = json_alloc(r->doc, map->count, sizeof(*ret->time_offsets));
	ret->time_offset_count = map->count;
	for (const struct json_node *node = map->first; node; node = node->next) {
		struct oci_time_offset *offset = &ret->time_offsets[node->index];

		if (!json_expect(r->doc, node, JSON_OBJECT))
			return;
		if (strcmp(node->key, "monotonic") != 0 && strcmp(node->key, "boottime") != 0)
			json_fail(r->doc, node, "unknown clock");
		offset->clock = node->key;
		json_i64(r->doc, node, "secs", &offset->secs);
		json_u32_range(r->doc, node, "nanosecs", NANOSECS_MAX, &offset->nanosecs);
	}
}

static void read_intel_rdt(struct oci_reader *r, const struct json_node *linux_node,
			   struct oci_linux *ret)
{
	const struct json_node *node = json_object(r->doc, linux_node, "intelRdt");
	struct oci_intel_rdt *rdt;

	if (!node)
		return;
	rdt = ret->intel_rdt = json_alloc(r->doc, 1, sizeof(*rdt));
	json_string(r->doc, node, "closID", &rdt->clos_id);
	oci_read_strings(r, node, "schemata", &rdt->schemata);
	json_string(r->doc, node, "l3CacheSchema", &rdt->l3_cache_schema);
	json_string(r->doc, node, "memBwSchema", &rdt->mem_bw_schema);
	json_bool(r->doc, node, "enableCMT", &rdt->enable_cmt);
	json_bool(r->doc, node, "enableMBM", &rdt->enable_mbm);
	json_bool(r->doc, node, "enableMonitoring", &rdt->enable_monitoring);
}

static void read_personality(struct oci_reader *r, const struct json_node *linux_node,
			     struct oci_linux *ret)
{
	const struct json_node *node = json_object(r->doc, linux_node, "personality");
	struct oci_strings flags = {0};
	uint32_t domain = 0;

	if (!node)
		return;
	json_require(r->doc, node, "domain");
	ret->has_personality = true;
	oci_read_name(r, node, "domain", &oci_personalities, &domain);
	ret->personality = domain;
	oci_read_strings(r, node, "flags", &flags);
	if (flags.count) /* the specification names the member, but no value for it */
		oci_warn(r, "ignoring unsupported personality flags");
}

static void read_memory_policy(struct oci_reader *r, const struct json_node *linux_node,
			       struct oci_linux *ret)
{
	const struct json_node *node = json_object(r->doc, linux_node, "memoryPolicy");
	struct oci_memory_policy *policy;
	uint64_t flags = 0;

	if (!node)
		return;
	policy = ret->memory_policy = json_alloc(r->doc, 1, sizeof(*policy));
	json_require(r->doc, node, "mode");
	oci_read_name(r, node, "mode", &oci_mempolicy_modes, &policy->mode);
	oci_read_flags(r, node, "flags", &oci_mempolicy_flags, &flags);
	policy->flags = (uint32_t)flags;
	json_string(r->doc, node, "nodes", &policy->nodes);
}

static void read_rootfs_propagation(struct oci_reader *r, const struct json_node *linux_node,
				    struct oci_linux *ret)
{
	const char *key = "rootfsPropagation", *name = NULL;
	char buf[JSON_EXCERPT_BYTES];
	int64_t value;

	if (!json_string(r->doc, linux_node, key, &name))
		return;
	value = oci_name_value(&oci_propagations, name);
	if (value < 0) /* runc's words */
		json_fail(r->doc, json_member(r->doc, linux_node, key),
			  "rootfsPropagation=%s is not supported", json_excerpt(buf, name));
	else
		ret->rootfs_propagation = (uint64_t)value;
}

void oci_read_linux(struct oci_reader *r, const struct json_node *node, struct oci_linux *ret)
{
	const struct json_node *resources = json_object(r->doc, node, "resources");

	oci_read_id_mappings(r, node, "uidMappings", &ret->uid_mappings);
	oci_read_id_mappings(r, node, "gidMappings", &ret->gid_mappings);
	read_time_offsets(r, node, ret);
	oci_read_pairs(r, node, "sysctl", &ret->sysctl);
	if (resources) {
		ret->resources = json_alloc(r->doc, 1, sizeof(*ret->resources));
		oci_read_resources(r, resources, ret->resources);
	}
	json_string(r->doc, node, "cgroupsPath", &ret->cgroups_path);
	read_namespaces(r, node, ret);
	read_devices(r, node, ret);
	read_net_devices(r, node, ret);
	ret->seccomp = oci_read_seccomp(r, json_object(r->doc, node, "seccomp"));
	read_rootfs_propagation(r, node, ret);
	oci_read_strings(r, node, "maskedPaths", &ret->masked_paths);
	oci_read_strings(r, node, "readonlyPaths", &ret->readonly_paths);
	json_string(r->doc, node, "mountLabel", &ret->mount_label);
	read_intel_rdt(r, node, ret);
	read_personality(r, node, ret);
	read_memory_policy(r, node, ret);
}
