/* Members of the types that several objects of config.json use. Must not know where they stand. */
#include "runtime/oci/config_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void oci_warn(struct oci_reader *r, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < r->warning_count; i++)
		if (!strcmp(r->warnings[i], text))
			return;
	if (r->warning_count < OCI_WARNINGS_MAX)
		r->warnings[r->warning_count++] = json_printf(r->doc, "%s", text);
}

struct oci_strings oci_reader_warnings(const struct oci_reader *r)
{
	struct oci_strings list = {r->warning_count, NULL};

	list.at = json_alloc(r->doc, list.count, sizeof(*list.at));
	for (size_t i = 0; i < list.count; i++)
		list.at[i] = r->warnings[i];
	return list;
}

void oci_read_required(struct oci_reader *r, const struct json_node *object, const char *key,
		       const char **ret)
{
	json_require(r->doc, object, key);
	if (!json_string(r->doc, object, key, ret) && !json_doc_status(r->doc) && object)
		json_fail(r->doc, json_member(r->doc, object, key), "must not be empty");
}

void oci_read_strings(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_strings *ret)
{
	json_strings(r->doc, object, key, &ret->count, &ret->at);
}

void oci_read_pairs(struct oci_reader *r, const struct json_node *object, const char *key,
		    struct oci_pairs *ret)
{
	const struct json_node *map = json_object(r->doc, object, key);
	struct oci_pair *at;

	if (!map)
		return;
	json_unique_keys(r->doc, map);
	at = json_alloc(r->doc, map->count, sizeof(*at));
	for (const struct json_node *node = map->first; node; node = node->next)
		at[node->index] = (struct oci_pair){node->key, json_text(r->doc, node)};
	ret->count = map->count;
	ret->at = at;
}

const struct json_node *oci_read_objects(struct oci_reader *r, const struct json_node *object,
					 const char *key, size_t item_size, size_t *ret_count,
					 void *ret_items)
{
	const struct json_node *list = json_array(r->doc, object, key);
	void *items;

	if (!list || !list->count)
		return NULL;
	for (const struct json_node *node = list->first; node; node = node->next)
		if (!json_expect(r->doc, node, JSON_OBJECT))
			return NULL;
	items = json_alloc(r->doc, list->count, item_size);
	memcpy(ret_items, &items, sizeof(items)); /* the caller's pointer to its own type */
	*ret_count = list->count;
	return list->first;
}

void oci_read_id_mappings(struct oci_reader *r, const struct json_node *object, const char *key,
			  struct oci_id_mappings *ret)
{
	const struct json_node *node =
		oci_read_objects(r, object, key, sizeof(*ret->at), &ret->count, &ret->at);

	for (; node; node = node->next) {
		struct oci_id_mapping *map = &ret->at[node->index];

		json_require(r->doc, node, "containerID");
		json_require(r->doc, node, "hostID");
		json_require(r->doc, node, "size");
		json_u32(r->doc, node, "containerID", &map->container_id);
		json_u32(r->doc, node, "hostID", &map->host_id);
		json_u32(r->doc, node, "size", &map->size);
	}
}

static int64_t name_value(struct oci_reader *r, const struct json_node *node,
			  const struct oci_name_table *table)
{
	char buf[JSON_EXCERPT_BYTES];
	const char *name = json_text(r->doc, node);
	int64_t value = oci_name_value(table, name);

	if (value < 0)
		json_fail(r->doc, node, "unknown %s '%s'", table->what, json_excerpt(buf, name));
	return value;
}

bool oci_read_name(struct oci_reader *r, const struct json_node *object, const char *key,
		   const struct oci_name_table *table, uint32_t *ret)
{
	const struct json_node *node = json_member(r->doc, object, key);
	int64_t value;

	if (!node)
		return false;
	value = name_value(r, node, table);
	if (value < 0)
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool oci_read_flags(struct oci_reader *r, const struct json_node *object, const char *key,
		    const struct oci_name_table *table, uint64_t *ret)
{
	const struct json_node *list = json_array(r->doc, object, key);
	uint64_t flags = 0;
	int64_t value;

	if (!list)
		return false;
	for (const struct json_node *node = list->first; node; node = node->next) {
		value = name_value(r, node, table);
		if (value < 0)
			return false;
		flags |= (uint64_t)value;
	}
	*ret = flags;
	return true;
}

void oci_read_opt_bool(struct oci_reader *r, const struct json_node *object, const char *key,
		       struct oci_opt_bool *ret)
{
	ret->has = json_bool(r->doc, object, key, &ret->value);
}

void oci_read_opt_u32(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_opt_u32 *ret)
{
	ret->has = json_u32(r->doc, object, key, &ret->value);
}

void oci_read_opt_i64(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_opt_i64 *ret)
{
	ret->has = json_i64(r->doc, object, key, &ret->value);
}

void oci_read_opt_u64(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_opt_u64 *ret)
{
	ret->has = json_u64(r->doc, object, key, &ret->value);
}
