/* Reads `linux.resources`: of config.json and of `update --resources`. Must not decide what zero
 * or -1 mean to a cgroup. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/config_read.h"

#define WEIGHT_MAX UINT16_MAX

static uint32_t read_access(struct oci_reader *r, const struct json_node *rule)
{
	const struct json_node *node = json_member(r->doc, rule, "access");
	char buf[JSON_EXCERPT_BYTES];
	const char *text;
	uint32_t access = 0;

	if (!node || !*json_text(r->doc, node)) { /* runc's words */
		json_fail(r->doc, rule, "device access at %zu field cannot be empty", rule->index);
		return 0;
	}
	text = json_text(r->doc, node);
	for (const char *p = text; *p; p++) {
		if (*p == 'r')
			access |= OCI_DEVICE_READ;
		else if (*p == 'w')
			access |= OCI_DEVICE_WRITE;
		else if (*p == 'm')
			access |= OCI_DEVICE_MKNOD;
		else
			json_fail(r->doc, node, "invalid device access '%s'",
				  json_excerpt(buf, text));
	}
	return access;
}

static void read_device_number(struct oci_reader *r, const struct json_node *rule, const char *key,
			       int64_t *ret)
{
	*ret = OCI_DEVICE_ANY;
	if (json_i64(r->doc, rule, key, ret) && *ret < OCI_DEVICE_ANY)
		json_fail(r->doc, json_member(r->doc, rule, key), "is negative");
}

static void read_device_rules(struct oci_reader *r, const struct json_node *resources,
			      struct oci_resources *ret)
{
	const struct json_node *node = oci_read_objects(
		r, resources, "devices", sizeof(*ret->devices), &ret->device_count, &ret->devices);
	char buf[JSON_EXCERPT_BYTES];

	for (; node; node = node->next) {
		struct oci_device_rule *rule = &ret->devices[node->index];
		const char *type = "a";

		json_require(r->doc, node, "allow");
		json_bool(r->doc, node, "allow", &rule->allow);
		json_string(r->doc, node, "type", &type);
		if (strlen(type) != 1 || !strchr("abc", *type)) /* runc's words */
			json_fail(r->doc, json_member(r->doc, node, "type"),
				  "invalid cgroup device type \"%s\"", json_excerpt(buf, type));
		rule->type = *type;
		read_device_number(r, node, "major", &rule->major);
		read_device_number(r, node, "minor", &rule->minor);
		rule->access = read_access(r, node);
	}
}

static void read_memory(struct oci_reader *r, const struct json_node *resources,
			struct oci_memory *ret)
{
	const struct json_node *node = json_object(r->doc, resources, "memory");

	oci_read_opt_i64(r, node, "limit", &ret->limit);
	oci_read_opt_i64(r, node, "reservation", &ret->reservation);
	oci_read_opt_i64(r, node, "swap", &ret->swap);
	oci_read_opt_i64(r, node, "kernel", &ret->kernel);
	oci_read_opt_i64(r, node, "kernelTCP", &ret->kernel_tcp);
	oci_read_opt_u64(r, node, "swappiness", &ret->swappiness);
	if (ret->swappiness.value > OCI_SWAPPINESS_MAX && ret->swappiness.value != UINT64_MAX)
		json_fail(r->doc, json_member(r->doc, node, "swappiness"),
			  "invalid value %" PRIu64 " (valid range is 0-100)",
			  ret->swappiness.value);
	oci_read_opt_bool(r, node, "disableOOMKiller", &ret->disable_oom_killer);
	oci_read_opt_bool(r, node, "useHierarchy", &ret->use_hierarchy);
	oci_read_opt_bool(r, node, "checkBeforeUpdate", &ret->check_before_update);
}

static void read_cpu(struct oci_reader *r, const struct json_node *resources, struct oci_cpu *ret)
{
	const struct json_node *node = json_object(r->doc, resources, "cpu");

	oci_read_opt_u64(r, node, "shares", &ret->shares);
	oci_read_opt_i64(r, node, "quota", &ret->quota_us);
	oci_read_opt_u64(r, node, "burst", &ret->burst_us);
	oci_read_opt_u64(r, node, "period", &ret->period_us);
	oci_read_opt_i64(r, node, "realtimeRuntime", &ret->realtime_runtime_us);
	oci_read_opt_u64(r, node, "realtimePeriod", &ret->realtime_period_us);
	oci_read_opt_i64(r, node, "idle", &ret->idle);
	json_string(r->doc, node, "cpus", &ret->cpus);
	json_string(r->doc, node, "mems", &ret->mems);
}

static void read_weight(struct oci_reader *r, const struct json_node *object, const char *key,
			struct oci_opt_u32 *ret)
{
	ret->has = json_u32_range(r->doc, object, key, WEIGHT_MAX, &ret->value);
}

static void read_block_device(struct oci_reader *r, const struct json_node *node, int64_t *major,
			      int64_t *minor)
{
	json_require(r->doc, node, "major");
	json_require(r->doc, node, "minor");
	json_i64(r->doc, node, "major", major);
	json_i64(r->doc, node, "minor", minor);
}

static void read_throttle(struct oci_reader *r, const struct json_node *block_io,
			  enum oci_throttle which, struct oci_block_io *ret)
{
	static const char *const keys[OCI_THROTTLE_COUNT] = {
		[OCI_THROTTLE_READ_BPS] = "throttleReadBpsDevice",
		[OCI_THROTTLE_WRITE_BPS] = "throttleWriteBpsDevice",
		[OCI_THROTTLE_READ_IOPS] = "throttleReadIOPSDevice",
		[OCI_THROTTLE_WRITE_IOPS] = "throttleWriteIOPSDevice",
	};
	const struct json_node *node =
		oci_read_objects(r, block_io, keys[which], sizeof(*ret->throttle[which].at),
				 &ret->throttle[which].count, &ret->throttle[which].at);

	for (; node; node = node->next) {
		struct oci_throttle_device *device = &ret->throttle[which].at[node->index];

		read_block_device(r, node, &device->major, &device->minor);
		json_require(r->doc, node, "rate");
		json_u64(r->doc, node, "rate", &device->rate);
	}
}

static void read_block_io(struct oci_reader *r, const struct json_node *resources,
			  struct oci_block_io *ret)
{
	const struct json_node *block_io = json_object(r->doc, resources, "blockIO"), *node;

	read_weight(r, block_io, "weight", &ret->weight);
	read_weight(r, block_io, "leafWeight", &ret->leaf_weight);
	node = oci_read_objects(r, block_io, "weightDevice", sizeof(*ret->weight_devices),
				&ret->weight_device_count, &ret->weight_devices);
	for (; node; node = node->next) {
		struct oci_weight_device *device = &ret->weight_devices[node->index];

		read_block_device(r, node, &device->major, &device->minor);
		read_weight(r, node, "weight", &device->weight);
		read_weight(r, node, "leafWeight", &device->leaf_weight);
		if (!device->weight.has && !device->leaf_weight.has)
			json_fail(r->doc, node, "has neither weight nor leafWeight");
	}
	for (unsigned int which = 0; which < OCI_THROTTLE_COUNT; which++)
		read_throttle(r, block_io, which, ret);
}

static void read_hugepage_limits(struct oci_reader *r, const struct json_node *resources,
				 struct oci_resources *ret)
{
	const struct json_node *node =
		oci_read_objects(r, resources, "hugepageLimits", sizeof(*ret->hugepage_limits),
				 &ret->hugepage_limit_count, &ret->hugepage_limits);

	for (; node; node = node->next) {
		struct oci_hugepage_limit *limit = &ret->hugepage_limits[node->index];

		oci_read_required(r, node, "pageSize", &limit->page_size);
		json_require(r->doc, node, "limit");
		json_u64(r->doc, node, "limit", &limit->limit_bytes);
	}
}

static void read_network(struct oci_reader *r, const struct json_node *resources,
			 struct oci_resources *ret)
{
	const struct json_node *network = json_object(r->doc, resources, "network"), *node;

	oci_read_opt_u32(r, network, "classID", &ret->net_class_id);
	node = oci_read_objects(r, network, "priorities", sizeof(*ret->net_priorities),
				&ret->net_priority_count, &ret->net_priorities);
	for (; node; node = node->next) {
		struct oci_net_priority *priority = &ret->net_priorities[node->index];

		oci_read_required(r, node, "name", &priority->name);
		json_require(r->doc, node, "priority");
		json_u32(r->doc, node, "priority", &priority->priority);
	}
}

static void read_rdma(struct oci_reader *r, const struct json_node *resources,
		      struct oci_resources *ret)
{
	const struct json_node *map = json_object(r->doc, resources, "rdma");

	if (!map)
		return;
	json_unique_keys(r->doc, map);
	ret->rdma = json_alloc(r->doc, map->count, sizeof(*ret->rdma));
	ret->rdma_count = map->count;
	for (const struct json_node *node = map->first; node; node = node->next) {
		struct oci_rdma *rdma = &ret->rdma[node->index];

		if (!json_expect(r->doc, node, JSON_OBJECT))
			return;
		rdma->device = node->key;
		oci_read_opt_u32(r, node, "hcaHandles", &rdma->hca_handles);
		oci_read_opt_u32(r, node, "hcaObjects", &rdma->hca_objects);
		if (!rdma->hca_handles.has && !rdma->hca_objects.has)
			json_fail(r->doc, node, "has neither hcaHandles nor hcaObjects");
	}
}

void oci_read_resources(struct oci_reader *r, const struct json_node *node,
			struct oci_resources *ret)
{
	const struct json_node *pids = json_object(r->doc, node, "pids");

	read_device_rules(r, node, ret);
	read_memory(r, node, &ret->memory);
	read_cpu(r, node, &ret->cpu);
	oci_read_opt_i64(r, pids, "limit", &ret->pids_limit);
	read_block_io(r, node, &ret->block_io);
	read_hugepage_limits(r, node, ret);
	read_network(r, node, ret);
	read_rdma(r, node, ret);
	oci_read_pairs(r, node, "unified", &ret->unified);
}

int oci_resources_parse(const char *text, size_t size, const char *name, struct oci_resources **ret,
			struct err *e)
{
	struct oci_reader r = {0};
	struct oci_resources *resources;
	int rc = json_doc_parse(text, size, name, &r.doc, e);

	if (rc)
		return rc;
	resources = xcalloc(1, sizeof(*resources));
	resources->doc = r.doc;
	if (json_expect(r.doc, json_doc_root(r.doc), JSON_OBJECT))
		oci_read_resources(&r, json_doc_root(r.doc), resources);
	resources->warnings = oci_reader_warnings(&r);
	rc = json_doc_close(r.doc);
	if (rc) {
		oci_resources_free(resources);
		return rc;
	}
	*ret = resources;
	return 0;
}

void oci_resources_free(struct oci_resources *resources)
{
	if (!resources)
		return;
	json_doc_free(resources->doc);
	free(resources);
}
