/* Writing JSON: state, list, features, spec. A thin layer over yajl_gen that cannot produce an
 * invalid document: bytes that are no UTF-8 become U+FFFD (a path on the host may contain them).
 *
 * `key` is the member's name inside an object and NULL inside an array or at the top. */
#ifndef VMRT_OCI_JSON_WRITE_H
#define VMRT_OCI_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_out;

/* `indent` is what one level is indented by, NULL for one line. It must outlive the writer. */
struct json_out *json_out_new(const char *indent);
void json_out_free(struct json_out *out);

void json_out_object(struct json_out *out, const char *key);
void json_out_array(struct json_out *out, const char *key);
void json_out_end(struct json_out *out); /* of the innermost object or array */
void json_out_string(struct json_out *out, const char *key, const char *text); /* NULL: null */
void json_out_i64(struct json_out *out, const char *key, int64_t value);
void json_out_u64(struct json_out *out, const char *key, uint64_t value);
void json_out_bool(struct json_out *out, const char *key, bool value);
void json_out_null(struct json_out *out, const char *key);

/* Is it UTF-8, so that it would be written as it is? */
bool json_out_is_text(const char *text);
/* Was everything so far? */
bool json_out_is_exact(const struct json_out *out);

/* The text so far, without a newline at the end; valid until the next call. */
const char *json_out_text(struct json_out *out, size_t *ret_size);
/* Writes the text and a newline, and flushes. 0 or -errno. */
int json_out_print(struct json_out *out, FILE *file) __attribute__((warn_unused_result));

#endif
