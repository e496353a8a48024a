/* Reading JSON documents member by member, with the member's path in every error.
 *
 * Built on yajl's event parser and not on yajl_tree: that one loses the length of strings (so a
 * \u0000 inside would cut a string in silence), frees deep trees by recursion, and has no limits.
 *
 * A document remembers its first error: after it every accessor answers "absent" and changes
 * nothing, so that a reader is a plain list of members with one look at json_doc_status() at the
 * end. `null` is absent, as in Go. Unknown members are nobody's business; a member that is asked
 * for and there twice is an error. */
#ifndef VMRT_OCI_JSON_H
#define VMRT_OCI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define JSON_MAX_DEPTH 64	  /* config.json needs 8 */
#define JSON_MAX_NODES (1u << 18) /* values in a document; docker's config.json has 2,500 */
#define JSON_MAX_ITEMS (1u << 16) /* elements of one array, members of one object */

enum json_type {
	JSON_NULL,
	JSON_BOOLEAN,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
	JSON_TYPE_COUNT
};

struct json_node {
	enum json_type type;
	bool is_true;
	size_t index;	  /* position in the parent */
	size_t count;	  /* ARRAY, OBJECT: number of children */
	const char *key;  /* set when the parent is an object */
	const char *text; /* STRING: the text; NUMBER: the literal. Lives as long as the document */
	const struct json_node *parent;
	struct json_node *first, *last, *next; /* children; sibling */
	struct json_node *next_of_all;	       /* for json_doc_close() */
};

struct json_doc;

/* Parses `text`. On failure `e` says name:line:column and why, and *ret is untouched. `name` and
 * `e` must live until json_doc_close(). */
int json_doc_parse(const char *text, size_t size, const char *name, struct json_doc **ret,
		   struct err *e) VMRT_MUST_CHECK;
/* Frees the nodes but keeps every string and everything from json_alloc(). Returns the status. */
int json_doc_close(struct json_doc *doc) VMRT_MUST_CHECK;
void json_doc_free(struct json_doc *doc);

const struct json_node *json_doc_root(const struct json_doc *doc);
int json_doc_status(const struct json_doc *doc); /* 0, or the first error: -EINVAL, -E2BIG */

/* Zeroed memory that lives as long as the document. NULL for count 0. */
void *json_alloc(struct json_doc *doc, size_t count, size_t size);
const char *json_printf(struct json_doc *doc, const char *fmt, ...) VMRT_PRINTF(2, 3);

/* Stores "name: path.of.node: <text>" as the document's error unless it has one already. */
void json_fail(struct json_doc *doc, const struct json_node *node, const char *fmt, ...)
	VMRT_PRINTF(3, 4);

/* Is the node of that type? If not, that is the error. NULL is false and no error. */
bool json_expect(struct json_doc *doc, const struct json_node *node, enum json_type type);
/* A member that is there and not null, or NULL. */
const struct json_node *json_member(struct json_doc *doc, const struct json_node *object,
				    const char *key);
/* An error unless the member is there. Called before the member is read. */
void json_require(struct json_doc *doc, const struct json_node *object, const char *key);
const struct json_node *json_object(struct json_doc *doc, const struct json_node *object,
				    const char *key);
const struct json_node *json_array(struct json_doc *doc, const struct json_node *object,
				   const char *key);

/* Members of a type. Each returns true and sets *ret only if the member is there and right. */
bool json_bool(struct json_doc *doc, const struct json_node *object, const char *key, bool *ret);
bool json_i32(struct json_doc *doc, const struct json_node *object, const char *key, int32_t *ret);
bool json_i64(struct json_doc *doc, const struct json_node *object, const char *key, int64_t *ret);
bool json_u32(struct json_doc *doc, const struct json_node *object, const char *key, uint32_t *ret);
bool json_u64(struct json_doc *doc, const struct json_node *object, const char *key, uint64_t *ret);
/* At most `high`, for narrower types. */
bool json_u32_range(struct json_doc *doc, const struct json_node *object, const char *key,
		    uint32_t high, uint32_t *ret);
/* An empty string is absent. */
bool json_string(struct json_doc *doc, const struct json_node *object, const char *key,
		 const char **ret);
/* Lists; true also for an empty one. The arrays live as long as the document. */
bool json_strings(struct json_doc *doc, const struct json_node *object, const char *key,
		  size_t *ret_count, const char ***ret);
bool json_u32s(struct json_doc *doc, const struct json_node *object, const char *key,
	       size_t *ret_count, uint32_t **ret);
/* The text of a node that must be a string, "" when it is not (which is the document's error). */
const char *json_text(struct json_doc *doc, const struct json_node *node);
/* An object used as a map: an error if two of its keys are equal. */
void json_unique_keys(struct json_doc *doc, const struct json_node *object);

/* Cuts foreign text for a message, at a character's boundary, "..." behind it if it was cut. */
#define JSON_EXCERPT_BYTES 68
const char *json_excerpt(char buf[JSON_EXCERPT_BYTES], const char *text);

#endif
