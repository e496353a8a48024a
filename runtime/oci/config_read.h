/* What the config_*.c readers share: the reader, its warnings, and members of config.json's own
 * types. Private to this folder; the public side is config.h. */
#ifndef VMRT_OCI_CONFIG_READ_H
#define VMRT_OCI_CONFIG_READ_H

#include "runtime/oci/config.h"
#include "runtime/oci/json.h"

#define OCI_WARNINGS_MAX 32

struct oci_reader {
	struct json_doc *doc;
	size_t warning_count;
	const char *warnings[OCI_WARNINGS_MAX];
};

/* Adds a line unless it is there already; after the last place nothing more is added. */
void oci_warn(struct oci_reader *r, const char *fmt, ...) VMRT_PRINTF(2, 3);
/* The warnings as a list that lives as long as the document. */
struct oci_strings oci_reader_warnings(const struct oci_reader *r);

/* A string that must be there and not be empty. */
void oci_read_required(struct oci_reader *r, const struct json_node *object, const char *key,
		       const char **ret);
void oci_read_strings(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_strings *ret);
void oci_read_pairs(struct oci_reader *r, const struct json_node *object, const char *key,
		    struct oci_pairs *ret);
void oci_read_id_mappings(struct oci_reader *r, const struct json_node *object, const char *key,
			  struct oci_id_mappings *ret);
/* A name out of a table; any other one is an error. True if it is there. */
bool oci_read_name(struct oci_reader *r, const struct json_node *object, const char *key,
		   const struct oci_name_table *table, uint32_t *ret);
/* A list of names, their values combined with OR. True if the list is there. */
bool oci_read_flags(struct oci_reader *r, const struct json_node *object, const char *key,
		    const struct oci_name_table *table, uint64_t *ret);
void oci_read_opt_bool(struct oci_reader *r, const struct json_node *object, const char *key,
		       struct oci_opt_bool *ret);
void oci_read_opt_u32(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_opt_u32 *ret);
void oci_read_opt_i64(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_opt_i64 *ret);
void oci_read_opt_u64(struct oci_reader *r, const struct json_node *object, const char *key,
		      struct oci_opt_u64 *ret);
/* Zeroed elements for the array member `key`, NULL and count 0 if it is absent or empty. Every
 * element is an object, or the document has an error. */
const struct json_node *oci_read_objects(struct oci_reader *r, const struct json_node *object,
					 const char *key, size_t item_size, size_t *ret_count,
					 void *ret_items);

/* Whole objects; each one in the file named like it. */
void oci_read_process(struct oci_reader *r, const struct json_node *node, struct oci_process *ret);
void oci_read_resources(struct oci_reader *r, const struct json_node *node,
			struct oci_resources *ret);
void oci_read_linux(struct oci_reader *r, const struct json_node *node, struct oci_linux *ret);
/* NULL for a seccomp object that says nothing. */
struct oci_seccomp *oci_read_seccomp(struct oci_reader *r, const struct json_node *node);
struct oci_vm *oci_read_vm(struct oci_reader *r, const struct json_node *node);

#endif
