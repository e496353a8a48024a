/* JSON text -> tree of nodes, by yajl's event parser; owns the limits and line:column of errors.
 * Must not know what the members mean. */
#include "runtime/oci/json_parse.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "lib/mem.h"

#define ERROR_TEXT_BYTES 200

struct parse {
	struct json_doc *doc;
	struct json_node *open; /* innermost array or object that is not closed yet */
	const char *key;	/* of the next value in an object */
	size_t depth;
	size_t node_count;
	char reason[ERROR_TEXT_BYTES]; /* why a callback stopped the parser */
	int status;
};

static int parse_stop(struct parse *p, int status, const char *reason)
{
	strncpy(p->reason, reason, sizeof(p->reason) - 1);
	p->status = status;
	return 0; /* yajl: cancel */
}

/* The path is known as soon as the node hangs in the tree, so this one is json_fail()'s. */
static int parse_stop_at(struct parse *p, const struct json_node *node, int status,
			 const char *reason)
{
	json_fail(p->doc, node, "%s", reason);
	p->doc->status = p->status = status;
	return 0;
}

static struct json_node *parse_add(struct parse *p, enum json_type type)
{
	struct json_node *node, *parent = p->open;

	if (++p->node_count > JSON_MAX_NODES) {
		parse_stop(p, -E2BIG, "too many values");
		return NULL;
	}
	node = xcalloc(1, sizeof(*node));
	node->type = type;
	node->key = p->key;
	p->key = NULL;
	node->next_of_all = p->doc->all;
	p->doc->all = node;
	if (!parent) {
		p->doc->root = node;
		return node;
	}
	node->parent = parent;
	node->index = parent->count++;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	if (parent->count > JSON_MAX_ITEMS) {
		parse_stop_at(p, parent, -E2BIG, "too many elements");
		return NULL;
	}
	return node;
}

static int parse_on_null(void *ctx)
{
	return parse_add(ctx, JSON_NULL) != NULL;
}

static int parse_on_boolean(void *ctx, int value)
{
	struct json_node *node = parse_add(ctx, JSON_BOOLEAN);

	if (node)
		node->is_true = value;
	return node != NULL;
}

static int parse_on_number(void *ctx, const char *text, size_t size)
{
	struct parse *p = ctx;
	struct json_node *node = parse_add(p, JSON_NUMBER);

	if (node)
		node->text = json_copy(p->doc, text, size);
	return node != NULL;
}

static int parse_on_string(void *ctx, const unsigned char *text, size_t size)
{
	struct parse *p = ctx;
	struct json_node *node = parse_add(p, JSON_STRING);

	if (!node)
		return 0;
	if (memchr(text, '\0', size))
		return parse_stop_at(p, node, -EINVAL, "contains a NUL character");
	node->text = json_copy(p->doc, text, size);
	return 1;
}

static int parse_on_key(void *ctx, const unsigned char *text, size_t size)
{
	struct parse *p = ctx;

	if (memchr(text, '\0', size))
		return parse_stop_at(p, p->open, -EINVAL,
				     "a member's name contains a NUL character");
	p->key = json_copy(p->doc, text, size);
	return 1;
}

static int parse_enter(struct parse *p, enum json_type type)
{
	struct json_node *node;

	if (++p->depth > JSON_MAX_DEPTH)
		return parse_stop(p, -E2BIG, "nested too deeply");
	node = parse_add(p, type);
	if (!node)
		return 0;
	p->open = node;
	return 1;
}

static int parse_on_object(void *ctx)
{
	return parse_enter(ctx, JSON_OBJECT);
}

static int parse_on_array(void *ctx)
{
	return parse_enter(ctx, JSON_ARRAY);
}

static int parse_on_close(void *ctx)
{
	struct parse *p = ctx;

	p->depth--;
	p->open = (struct json_node *)p->open->parent;
	return 1;
}

static const yajl_callbacks parse_callbacks = {
	.yajl_null = parse_on_null,
	.yajl_boolean = parse_on_boolean,
	.yajl_number = parse_on_number, /* the literal: 64-bit numbers stay exact */
	.yajl_string = parse_on_string,
	.yajl_start_map = parse_on_object,
	.yajl_map_key = parse_on_key,
	.yajl_end_map = parse_on_close,
	.yajl_start_array = parse_on_array,
	.yajl_end_array = parse_on_close,
};

/* yajl's own short text without its full stop and newline. */
static void parse_yajl_reason(yajl_handle yajl, char out[ERROR_TEXT_BYTES])
{
	unsigned char *text = yajl_get_error(yajl, 0, NULL, 0);
	size_t size = strlen((const char *)text);

	while (size && strchr(" .\n", text[size - 1]))
		size--;
	if (size >= ERROR_TEXT_BYTES)
		size = ERROR_TEXT_BYTES - 1;
	memcpy(out, text, size);
	out[size] = '\0';
	yajl_free_error(yajl, text);
}

/* 1-based; a column counts bytes, as compilers and editors do. */
static void parse_position(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*ret_line = line;
	*ret_column = offset - start + 1;
}

/* The position is where yajl noticed the error: the last byte of the offending token, for some
 * lexical errors the one before. `is_end`: the text ended too early; what yajl consumed since is
 * not ours. */
static int parse_error(struct parse *p, yajl_handle yajl, yajl_status status, const char *text,
		       size_t size, bool is_end)
{
	size_t line, column, consumed = yajl_get_bytes_consumed(yajl);
	size_t offset = is_end || consumed > size ? size : consumed ? consumed - 1 : 0;

	if (p->doc->status)
		return p->doc->status; /* a path was the better place */
	if (status != yajl_status_client_canceled) {
		parse_yajl_reason(yajl, p->reason);
		p->status = -EINVAL;
	}
	parse_position(text, offset, &line, &column);
	return err_set(p->doc->e, p->status, "%s:%zu:%zu: %s", p->doc->name, line, column,
		       p->reason);
}

int json_doc_parse(const char *text, size_t size, const char *name, struct json_doc **ret,
		   struct err *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct json_doc *doc;
	struct parse p = {0};
	yajl_handle yajl;
	yajl_status status;
	bool is_end = false;
	int rc = 0;

	if (size >= 3 && !memcmp(text, bom, 3))
		return err_set(e, -EINVAL, "%s: begins with a byte order mark, which JSON has not",
			       name);
	doc = p.doc = xcalloc(1, sizeof(*doc));
	doc->name = name;
	doc->e = e;
	yajl = yajl_alloc(&parse_callbacks, NULL, &p);
	if (!yajl)
		abort(); /* as xmalloc() does */
	status = yajl_parse(yajl, (const unsigned char *)text, size);
	if (status == yajl_status_ok) {
		is_end = true;
		status = yajl_complete_parse(yajl);
	}
	if (status != yajl_status_ok)
		rc = parse_error(&p, yajl, status, text, size, is_end);
	yajl_free(yajl);
	if (rc) {
		json_doc_free(doc);
		return rc;
	}
	*ret = doc;
	return 0;
}
