/* The accessors of a JSON document and their error texts. Must not know config.json. */
#include "runtime/oci/json_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"

#define PATH_BYTES 512

struct json_chunk {
	struct json_chunk *next;
	max_align_t data[];
};

static const char *const type_names[JSON_TYPE_COUNT] = {
	[JSON_NULL] = "null",	  [JSON_BOOLEAN] = "boolean", [JSON_NUMBER] = "number",
	[JSON_STRING] = "string", [JSON_ARRAY] = "array",     [JSON_OBJECT] = "object",
};

void *json_alloc(struct json_doc *doc, size_t count, size_t size)
{
	struct json_chunk *chunk;

	if (!count)
		return NULL;
	chunk = xcalloc(1, sizeof(*chunk) + count * size);
	chunk->next = doc->chunks;
	doc->chunks = chunk;
	return chunk->data;
}

char *json_copy(struct json_doc *doc, const void *text, size_t size)
{
	char *copy = json_alloc(doc, 1, size + 1);

	if (size)
		memcpy(copy, text, size);
	return copy;
}

const char *json_printf(struct json_doc *doc, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_copy(doc, text, strlen(text));
}

int json_doc_close(struct json_doc *doc)
{
	struct json_node *next;

	for (struct json_node *node = doc->all; node; node = next) {
		next = node->next_of_all;
		free(node);
	}
	doc->all = doc->root = NULL;
	doc->name = NULL;
	doc->e = NULL;
	return doc->status;
}

void json_doc_free(struct json_doc *doc)
{
	struct json_chunk *next;

	if (!doc)
		return;
	(void)!json_doc_close(doc);
	for (struct json_chunk *chunk = doc->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(doc);
}

const struct json_node *json_doc_root(const struct json_doc *doc)
{
	return doc->root;
}

int json_doc_status(const struct json_doc *doc)
{
	return doc->status;
}

const char *json_excerpt(char buf[JSON_EXCERPT_BYTES], const char *text)
{
	size_t size = strnlen(text, JSON_EXCERPT_BYTES);

	if (size < JSON_EXCERPT_BYTES) {
		memcpy(buf, text, size + 1);
		return buf;
	}
	size = JSON_EXCERPT_BYTES - sizeof("...");
	while (size && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--; /* a UTF-8 continuation byte: not the start of a character */
	memcpy(buf, text, size);
	memcpy(buf + size, "...", sizeof("..."));
	return buf;
}

static bool path_is_plain(const char *key)
{
	if (!*key || *key == '-')
		return false;
	for (; *key; key++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
			    *key))
			return false;
	return true;
}

/* "linux.sysctl["net.core.somaxconn"]", "process.args[2]"; "" for the root. */
static void path_of(const struct json_node *node, char out[PATH_BYTES])
{
	const struct json_node *chain[JSON_MAX_DEPTH + 1];
	char buf[JSON_EXCERPT_BYTES];
	size_t depth = 0, size = 0;
	int n;

	for (; node->parent && depth < JSON_MAX_DEPTH + 1; node = node->parent)
		chain[depth++] = node;
	out[0] = '\0';
	for (; depth > 0 && size < PATH_BYTES; depth--) {
		node = chain[depth - 1];
		if (!node->key)
			n = snprintf(out + size, PATH_BYTES - size, "[%zu]", node->index);
		else if (path_is_plain(node->key))
			n = snprintf(out + size, PATH_BYTES - size, "%s%s", size ? "." : "",
				     json_excerpt(buf, node->key));
		else
			n = snprintf(out + size, PATH_BYTES - size, "[\"%s\"]",
				     json_excerpt(buf, node->key));
		if (n < 0)
			return;
		size += (size_t)n;
	}
}

/* `key` may be NULL; else it is a member of `node` that need not exist. */
static void fail_at(struct json_doc *doc, const struct json_node *node, const char *key,
		    const char *text)
{
	char path[PATH_BYTES];

	if (doc->status)
		return;
	path_of(node, path);
	if (key)
		doc->status = err_set(doc->e, -EINVAL, "%s: %s%s%s: %s", doc->name, path,
				      *path ? "." : "", key, text);
	else
		doc->status = err_set(doc->e, -EINVAL, "%s: %s%s%s", doc->name, path,
				      *path ? ": " : "", text);
}

void json_fail(struct json_doc *doc, const struct json_node *node, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_at(doc, node, NULL, text);
}

bool json_expect(struct json_doc *doc, const struct json_node *node, enum json_type type)
{
	if (doc->status || !node)
		return false;
	if (node->type == type)
		return true;
	json_fail(doc, node, "expected %s, found %s", type_names[type], type_names[node->type]);
	return false;
}

const struct json_node *json_member(struct json_doc *doc, const struct json_node *object,
				    const char *key)
{
	const struct json_node *found = NULL;

	if (!json_expect(doc, object, JSON_OBJECT))
		return NULL;
	for (const struct json_node *node = object->first; node; node = node->next) {
		if (strcmp(node->key, key) != 0)
			continue;
		if (found) {
			json_fail(doc, node, "is there twice");
			return NULL;
		}
		found = node;
	}
	return found && found->type != JSON_NULL ? found : NULL;
}

void json_require(struct json_doc *doc, const struct json_node *object, const char *key)
{
	if (!json_member(doc, object, key) && object)
		fail_at(doc, object, key, "required member is missing");
}

static const struct json_node *member_of_type(struct json_doc *doc, const struct json_node *object,
					      const char *key, enum json_type type)
{
	const struct json_node *node = json_member(doc, object, key);

	return json_expect(doc, node, type) ? node : NULL;
}

const struct json_node *json_object(struct json_doc *doc, const struct json_node *object,
				    const char *key)
{
	return member_of_type(doc, object, key, JSON_OBJECT);
}

const struct json_node *json_array(struct json_doc *doc, const struct json_node *object,
				   const char *key)
{
	return member_of_type(doc, object, key, JSON_ARRAY);
}

bool json_bool(struct json_doc *doc, const struct json_node *object, const char *key, bool *ret)
{
	const struct json_node *node = member_of_type(doc, object, key, JSON_BOOLEAN);

	if (node)
		*ret = node->is_true;
	return node != NULL;
}

/* A JSON integer as sign and magnitude. */
struct integer {
	bool is_negative;
	bool is_huge; /* more than 64 bits */
	uint64_t magnitude;
};

static bool integer_of(struct json_doc *doc, const struct json_node *node, struct integer *ret)
{
	char buf[JSON_EXCERPT_BYTES];
	struct integer i = {0};
	const char *text;

	if (doc->status || !node)
		return false;
	if (node->type != JSON_NUMBER) {
		json_fail(doc, node, "expected integer, found %s", type_names[node->type]);
		return false;
	}
	text = node->text;
	i.is_negative = *text == '-';
	for (text += i.is_negative; *text >= '0' && *text <= '9'; text++)
		i.is_huge |=
			__builtin_mul_overflow(i.magnitude, 10, &i.magnitude) ||
			__builtin_add_overflow(i.magnitude, (uint64_t)(*text - '0'), &i.magnitude);
	if (*text) {
		json_fail(doc, node, "expected integer, found %s", json_excerpt(buf, node->text));
		return false;
	}
	*ret = i;
	return true;
}

static bool number_u64(struct json_doc *doc, const struct json_node *node, uint64_t high,
		       uint64_t *ret)
{
	char buf[JSON_EXCERPT_BYTES];
	struct integer i;

	if (!integer_of(doc, node, &i))
		return false;
	if (i.is_huge || i.magnitude > high || (i.is_negative && i.magnitude)) {
		json_fail(doc, node, "%s is out of range (0 to %" PRIu64 ")",
			  json_excerpt(buf, node->text), high);
		return false;
	}
	*ret = i.magnitude;
	return true;
}

static bool number_i64(struct json_doc *doc, const struct json_node *node, int64_t low,
		       int64_t high, int64_t *ret)
{
	char buf[JSON_EXCERPT_BYTES];
	struct integer i;
	uint64_t limit;

	if (!integer_of(doc, node, &i))
		return false;
	limit = i.is_negative ? -(uint64_t)low : (uint64_t)high;
	if (i.is_huge || i.magnitude > limit) {
		json_fail(doc, node, "%s is out of range (%" PRId64 " to %" PRId64 ")",
			  json_excerpt(buf, node->text), low, high);
		return false;
	}
	*ret = (int64_t)(i.is_negative ? -i.magnitude : i.magnitude);
	return true;
}

bool json_i32(struct json_doc *doc, const struct json_node *object, const char *key, int32_t *ret)
{
	int64_t value;

	if (!number_i64(doc, json_member(doc, object, key), INT32_MIN, INT32_MAX, &value))
		return false;
	*ret = (int32_t)value;
	return true;
}

bool json_i64(struct json_doc *doc, const struct json_node *object, const char *key, int64_t *ret)
{
	return number_i64(doc, json_member(doc, object, key), INT64_MIN, INT64_MAX, ret);
}

bool json_u64(struct json_doc *doc, const struct json_node *object, const char *key, uint64_t *ret)
{
	return number_u64(doc, json_member(doc, object, key), UINT64_MAX, ret);
}

bool json_u32_range(struct json_doc *doc, const struct json_node *object, const char *key,
		    uint32_t high, uint32_t *ret)
{
	uint64_t value;

	if (!number_u64(doc, json_member(doc, object, key), high, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool json_u32(struct json_doc *doc, const struct json_node *object, const char *key, uint32_t *ret)
{
	return json_u32_range(doc, object, key, UINT32_MAX, ret);
}

bool json_string(struct json_doc *doc, const struct json_node *object, const char *key,
		 const char **ret)
{
	const struct json_node *node = member_of_type(doc, object, key, JSON_STRING);

	if (!node || !*node->text)
		return false;
	*ret = node->text;
	return true;
}

const char *json_text(struct json_doc *doc, const struct json_node *node)
{
	return json_expect(doc, node, JSON_STRING) ? node->text : "";
}

bool json_strings(struct json_doc *doc, const struct json_node *object, const char *key,
		  size_t *ret_count, const char ***ret)
{
	const struct json_node *list = json_array(doc, object, key);
	const char **at;

	if (!list)
		return false;
	at = json_alloc(doc, list->count, sizeof(*at));
	for (const struct json_node *node = list->first; node; node = node->next)
		at[node->index] = json_text(doc, node);
	if (doc->status)
		return false;
	*ret_count = list->count;
	*ret = at;
	return true;
}

bool json_u32s(struct json_doc *doc, const struct json_node *object, const char *key,
	       size_t *ret_count, uint32_t **ret)
{
	const struct json_node *list = json_array(doc, object, key);
	uint64_t value = 0;
	uint32_t *at;

	if (!list)
		return false;
	at = json_alloc(doc, list->count, sizeof(*at));
	for (const struct json_node *node = list->first; node; node = node->next)
		if (number_u64(doc, node, UINT32_MAX, &value))
			at[node->index] = (uint32_t)value;
	if (doc->status)
		return false;
	*ret_count = list->count;
	*ret = at;
	return true;
}

static int compare_keys(const void *a, const void *b)
{
	const struct json_node *const *left = a, *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

void json_unique_keys(struct json_doc *doc, const struct json_node *object)
{
	const struct json_node **sorted;
	size_t i = 0;

	if (!json_expect(doc, object, JSON_OBJECT) || object->count < 2)
		return;
	sorted = xcalloc(object->count, sizeof(*sorted));
	for (const struct json_node *node = object->first; node; node = node->next)
		sorted[i++] = node;
	qsort(sorted, object->count, sizeof(*sorted), compare_keys);
	for (i = 1; i < object->count; i++)
		if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
			json_fail(doc, sorted[i], "is there twice");
	free(sorted);
}
