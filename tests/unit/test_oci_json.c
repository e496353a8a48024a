/* The JSON reader's limits and texts, and the writer: what it writes, the reader reads. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "runtime/oci/json.h"
#include "runtime/oci/json_write.h"
#include "tests/unit/tap.h"

/* A document of `count` times `unit` between `head` and `tail`. */
static char *repeat(const char *head, const char *unit, size_t count, const char *tail,
		    size_t *ret_size)
{
	size_t head_size = strlen(head), unit_size = strlen(unit), tail_size = strlen(tail);
	char *text = xmalloc(head_size + count * unit_size + tail_size + 1), *p = text;

	memcpy(p, head, head_size);
	p += head_size;
	for (size_t i = 0; i < count; i++, p += unit_size)
		memcpy(p, unit, unit_size);
	memcpy(p, tail, tail_size + 1);
	*ret_size = (size_t)(p - text) + tail_size;
	return text;
}

static int parse(const char *text, size_t size, struct err *e)
{
	struct json_doc *doc = NULL;
	int rc = json_doc_parse(text, size, "x.json", &doc, e);

	ok(!rc == (doc != NULL), "a document exactly when there is no error");
	json_doc_free(doc);
	return rc;
}

static void test_depth(void)
{
	struct err e = {""};
	size_t size;
	auto_free char *good = repeat("", "[", JSON_MAX_DEPTH, "", &size);
	auto_free char *closed = repeat(good, "]", JSON_MAX_DEPTH, "", &size);
	auto_free char *bad = repeat("\n", "[", 1000000, "", &size);
	auto_free char *objects = repeat("", "{\"a\":", 100, "", &size);

	is_int(parse(closed, strlen(closed), &e), 0, "nested as deep as allowed");
	is_int(parse(bad, 1000001, &e), -E2BIG, "a million brackets");
	is_str(e.text, "x.json:2:65: nested too deeply", "... named with their place");
	is_int(parse(objects, strlen(objects), &e), -E2BIG, "a hundred objects");
	is_str(e.text, "x.json:1:321: nested too deeply", "... named with their place");
}

static void test_counts(void)
{
	struct err e = {""};
	size_t size;
	auto_free char *items = repeat("{\"a\":{\"b c\":[", "1,", JSON_MAX_ITEMS, "1]}}", &size);
	auto_free char *nodes = NULL;
	auto_free char *fits = NULL;

	is_int(parse(items, size, &e), -E2BIG, "too long an array");
	is_str(e.text, "x.json: a[\"b c\"]: too many elements", "... named by its path");
	fits = repeat("[", "1,", JSON_MAX_ITEMS - 1, "1]", &size);
	is_int(parse(fits, size, &e), 0, "the longest array");
	nodes = repeat("[", "[1,1,1,1,1,1,1,1,1,1],", 30000, "1]", &size);
	is_int(parse(nodes, size, &e), -E2BIG, "too many values");
	ok(strstr(e.text, ": too many values") != NULL, "... %s", e.text);
}

static void test_accessors(void)
{
	static const char text[] =
		"{\"n\":null,\"s\":\"x\",\"e\":\"\",\"z\":-0,\"i\":-9223372036854775808,"
		"\"u\":18446744073709551615,\"t\":true,\"a\":[],\"o\":{}}";
	struct json_doc *doc = NULL;
	const struct json_node *root;
	struct err e = {"none"};
	const char *s = "unset", **list = NULL;
	uint64_t u = 7;
	int64_t i = 7;
	bool b = false;
	size_t count = 7;

	if (!ok(!json_doc_parse(text, strlen(text), "x.json", &doc, &e), "parses: %s", e.text))
		return;
	root = json_doc_root(doc);
	ok(!json_member(doc, root, "n") && !json_member(doc, root, "missing"), "null is absent");
	ok(!json_string(doc, root, "e", &s) && !strcmp(s, "unset"), "so is an empty string");
	ok(json_string(doc, root, "s", &s) && !strcmp(s, "x"), "a string");
	ok(json_u64(doc, root, "z", &u) && u == 0, "-0 is zero, unsigned");
	ok(json_i64(doc, root, "i", &i) && i == INT64_MIN, "the least integer");
	ok(json_u64(doc, root, "u", &u) && u == UINT64_MAX, "the greatest integer");
	ok(json_bool(doc, root, "t", &b) && b, "true");
	ok(json_strings(doc, root, "a", &count, &list) && !count && !list, "an empty list");
	ok(!json_doc_status(doc), "no error so far");
	ok(!json_u64(doc, root, "i", &u) && u == UINT64_MAX, "a wrong value changes nothing");
	ok(!json_bool(doc, root, "t", &b), "after an error everything is absent");
	is_int(json_doc_close(doc), -EINVAL, "closing returns the first error");
	is_str(e.text,
	       "x.json: i: -9223372036854775808 is out of range (0 to 18446744073709551615)",
	       "... and its text is kept");
	is_str(s, "x", "strings survive the closing");
	json_doc_free(doc);
	json_doc_free(NULL);
}

static void test_excerpt(void)
{
	char buf[JSON_EXCERPT_BYTES], text[200];

	is_str(json_excerpt(buf, ""), "", "an empty excerpt");
	memset(text, 'a', 67);
	text[67] = '\0';
	is_str(json_excerpt(buf, text), text, "67 bytes are not cut");
	memset(text, 'a', sizeof(text));
	memcpy(text + 63, "\xf0\x9f\x98\x80zzzz", 9);
	json_excerpt(buf, text);
	ok(strlen(buf) == 66 && !strcmp(buf + 63, "..."), "a character is not cut in halves");
}

static void test_path_of_odd_keys(void)
{
	static const char raw[] = "{\"k\n\":1}";
	static const char text[] = "{\"a b\":{\"\":{\"c-d\":{\"-x\":[[{\"k\\n\":1}]]}}}}";
	struct json_doc *doc = NULL;
	const struct json_node *node;
	struct err e = {""};

	is_int(parse(raw, strlen(raw), &e), -EINVAL, "a raw newline in a key");
	if (!ok(!json_doc_parse(text, strlen(text), "x.json", &doc, &e), "an escaped one: %s",
		e.text))
		return;
	for (node = json_doc_root(doc); node->first; node = node->first)
		;
	json_fail(doc, node, "no");
	is_str(e.text, "x.json: [\"a b\"][\"\"].c-d[\"-x\"][0][0][\"k \"]: no",
	       "odd keys are quoted in paths, control characters never printed");
	json_doc_free(doc);
}

static void write_document(struct json_out *out)
{
	json_out_object(out, NULL);
	json_out_string(out, "text", "q\"\\\n\x01/\xc3\xbc");
	json_out_string(out, "broken",
			"a\xff"
			"b\xc3");
	json_out_string(out, "surrogate", "\xed\xa0\x80");
	json_out_string(out, "none", NULL);
	json_out_i64(out, "low", INT64_MIN);
	json_out_u64(out, "high", UINT64_MAX);
	json_out_bool(out, "yes", true);
	json_out_array(out, "list");
	json_out_bool(out, NULL, false);
	json_out_object(out, NULL);
	json_out_end(out);
	json_out_end(out);
	json_out_end(out);
}

static void test_writer(const char *indent)
{
	struct json_out *out = json_out_new(indent);
	struct json_doc *doc = NULL;
	const struct json_node *root;
	struct err e = {""};
	const char *text, *s = NULL;
	uint64_t high = 0;
	int64_t low = 0;
	size_t size;

	write_document(out);
	text = json_out_text(out, &size);
	ok(size && text[size - 1] == '}', "the text ends with its last brace");
	ok((memchr(text, '\n', size) != NULL) == (indent != NULL), "one line unless indented");
	if (!ok(!json_doc_parse(text, size, "out", &doc, &e), "is read back: %s", e.text))
		return;
	root = json_doc_root(doc);
	json_string(doc, root, "text", &s);
	is_str(s, "q\"\\\n\x01/\xc3\xbc", "text with quotes and controls");
	json_string(doc, root, "broken", &s);
	is_str(s,
	       "a\xef\xbf\xbd"
	       "b\xef\xbf\xbd",
	       "bytes that are no UTF-8 become U+FFFD");
	json_string(doc, root, "surrogate", &s);
	is_str(s, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "... surrogates too");
	ok(!json_member(doc, root, "none"), "NULL is null");
	ok(json_i64(doc, root, "low", &low) && low == INT64_MIN, "the least integer");
	ok(json_u64(doc, root, "high", &high) && high == UINT64_MAX, "the greatest integer");
	is_int(json_doc_close(doc), 0, "no error");
	json_doc_free(doc);
	json_out_free(out);
	json_out_free(NULL);
}

static void test_print(void)
{
	struct json_out *out = json_out_new(NULL);
	FILE *full = fopen("/dev/full", "w");

	write_document(out);
	ok(full && json_out_print(out, full) == -ENOSPC, "a full disk is an error");
	if (full)
		fclose(full);
	json_out_free(out);
}

int main(void)
{
	test_depth();
	test_counts();
	test_accessors();
	test_excerpt();
	test_path_of_odd_keys();
	test_writer(NULL);
	test_writer("    ");
	test_print();
	return done_testing();
}
