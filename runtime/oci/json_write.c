/* The JSON writer. Must not know what it writes. A call out of order (a value without a key, an
 * end too many) is a bug in vmrt and aborts. */
#include "runtime/oci/json_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "lib/mem.h"

#define DEPTH_MAX 32

struct json_out {
	yajl_gen gen;
	size_t depth;
	bool is_array[DEPTH_MAX];
	bool has_replaced; /* a byte that is no UTF-8 */
};

static void out_must(yajl_gen_status status)
{
	if (status == yajl_gen_status_ok || status == yajl_gen_generation_complete)
		return;
	fprintf(stderr, "vmrt: bug: json writer: status %d\n", (int)status);
	abort();
}

struct json_out *json_out_new(const char *indent)
{
	struct json_out *out = xcalloc(1, sizeof(*out));

	out->gen = yajl_gen_alloc(NULL);
	if (!out->gen)
		abort(); /* as xmalloc() does */
	yajl_gen_config(out->gen, yajl_gen_beautify, indent != NULL);
	if (indent)
		yajl_gen_config(out->gen, yajl_gen_indent_string, indent);
	return out;
}

void json_out_free(struct json_out *out)
{
	if (!out)
		return;
	yajl_gen_free(out->gen);
	free(out);
}

/* Bytes of the well-formed character at `s` (RFC 3629), 0 if there is none. */
static size_t utf8_size(const unsigned char *s)
{
	size_t size = *s < 0x80			? 1
		      : *s >= 0xc2 && *s < 0xe0 ? 2
		      : *s >= 0xe0 && *s < 0xf0 ? 3
		      : *s >= 0xf0 && *s < 0xf5 ? 4
						: 0;

	for (size_t i = 1; i < size; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0; /* overlong, surrogate, above U+10FFFF */
	return size;
}

static void out_text(struct json_out *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char *clean = xmalloc(3 * strlen(text) + 1);
	size_t used = 0;

	while (*s) {
		size_t size = utf8_size(s);

		out->has_replaced |= !size;
		memcpy(clean + used, size ? s : (const unsigned char *)"\xef\xbf\xbd",
		       size ? size : 3);
		used += size ? size : 3;
		s += size ? size : 1;
	}
	out_must(yajl_gen_string(out->gen, clean, used));
	free(clean);
}

bool json_out_is_text(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t size = utf8_size(s);

		if (!size)
			return false;
		s += size;
	}
	return true;
}

bool json_out_is_exact(const struct json_out *out)
{
	return !out->has_replaced;
}

static void out_key(struct json_out *out, const char *key)
{
	if (key)
		out_text(out, key);
}

static void out_enter(struct json_out *out, bool is_array)
{
	if (out->depth == DEPTH_MAX)
		abort(); /* no document of vmrt's is that deep */
	out->is_array[out->depth++] = is_array;
}

void json_out_object(struct json_out *out, const char *key)
{
	out_key(out, key);
	out_must(yajl_gen_map_open(out->gen));
	out_enter(out, false);
}

void json_out_array(struct json_out *out, const char *key)
{
	out_key(out, key);
	out_must(yajl_gen_array_open(out->gen));
	out_enter(out, true);
}

void json_out_end(struct json_out *out)
{
	if (!out->depth)
		abort(); /* more ends than beginnings */
	if (out->is_array[--out->depth])
		out_must(yajl_gen_array_close(out->gen));
	else
		out_must(yajl_gen_map_close(out->gen));
}

void json_out_string(struct json_out *out, const char *key, const char *text)
{
	if (!text) {
		json_out_null(out, key);
		return;
	}
	out_key(out, key);
	out_text(out, text);
}

static void out_number(struct json_out *out, const char *key, const char *literal)
{
	out_key(out, key);
	out_must(yajl_gen_number(out->gen, literal, strlen(literal)));
}

void json_out_i64(struct json_out *out, const char *key, int64_t value)
{
	char literal[32];

	snprintf(literal, sizeof(literal), "%" PRId64, value);
	out_number(out, key, literal);
}

void json_out_u64(struct json_out *out, const char *key, uint64_t value)
{
	char literal[32];

	snprintf(literal, sizeof(literal), "%" PRIu64, value);
	out_number(out, key, literal);
}

void json_out_bool(struct json_out *out, const char *key, bool value)
{
	out_key(out, key);
	out_must(yajl_gen_bool(out->gen, value));
}

void json_out_null(struct json_out *out, const char *key)
{
	out_key(out, key);
	out_must(yajl_gen_null(out->gen));
}

const char *json_out_text(struct json_out *out, size_t *ret_size)
{
	const unsigned char *text;
	size_t size;

	out_must(yajl_gen_get_buf(out->gen, &text, &size));
	while (size && text[size - 1] == '\n') /* yajl ends an indented document with one */
		size--;
	*ret_size = size;
	return (const char *)text;
}

int json_out_print(struct json_out *out, FILE *file)
{
	size_t size;
	const char *text = json_out_text(out, &size);

	errno = 0;
	if (fwrite(text, 1, size, file) != size || putc('\n', file) == EOF || fflush(file))
		return errno ? -errno : -EIO;
	return 0;
}
