/* What json.c and json_parse.c share: the inside of a document. Nobody else includes it. */
#ifndef VMRT_OCI_JSON_PARSE_H
#define VMRT_OCI_JSON_PARSE_H

#include "runtime/oci/json.h"

struct json_chunk; /* memory of json_alloc() */

struct json_doc {
	const char *name;
	struct err *e;
	int status;
	struct json_node *root;
	struct json_node *all;
	struct json_chunk *chunks;
};

/* Copy of `size` bytes with a NUL behind it, which lives as long as the document. */
char *json_copy(struct json_doc *doc, const void *text, size_t size);

#endif
