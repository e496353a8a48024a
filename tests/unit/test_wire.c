/* The wire format: every value comes back, no read passes the end, nothing malformed is accepted.
 */
#include "lib/wire.h"
#include "tests/unit/tap.h"

static void test_round_trip(void)
{
	struct wire_out o = {0};
	struct wire_in in;
	const char *text;

	wire_put_u8(&o, 0xfe);
	wire_put_u16(&o, 0xfedc);
	wire_put_u32(&o, 0xfedcba98);
	wire_put_u64(&o, 0xfedcba9876543210);
	wire_put_str(&o, "text");
	wire_put_str(&o, "");
	wire_put_str(&o, NULL);
	wire_put_bytes(&o, "\0\1", 2);
	wire_in_init(&in, o.data, o.size);
	is_int(wire_get_u8(&in), 0xfe, "a u8 comes back");
	is_int(wire_get_u16(&in), 0xfedc, "a u16 comes back");
	is_int(wire_get_u32(&in), 0xfedcba98, "a u32 comes back");
	ok(wire_get_u64(&in) == 0xfedcba9876543210, "a u64 comes back");
	is_str(wire_get_str(&in), "text", "a string comes back");
	is_str(wire_get_str(&in), "", "an empty string is not NULL");
	text = wire_get_str(&in);
	ok(!text && !in.is_bad, "a NULL string comes back as NULL and is not an error");
	ok(!memcmp(wire_get_bytes(&in, 2), "\0\1", 2), "bytes come back");
	ok(wire_in_end(&in), "everything was consumed");
	wire_out_done(&o);
}

static void test_byte_order(void)
{
	static const uint8_t want[] = {1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8};
	struct wire_out o = {0};

	wire_put_u8(&o, 1);
	wire_put_u16(&o, 0x0203);
	wire_put_u32(&o, 0x04050607);
	wire_put_u64(&o, 0x08090a0b0c0d0e0f);
	ok(o.size == sizeof(want) && !memcmp(o.data, want, sizeof(want)),
	   "numbers are little-endian without padding");
	wire_set_u32(&o, 3, 0xaabbccdd);
	ok(!memcmp(o.data + 3, "\xdd\xcc\xbb\xaa", 4) && o.data[2] == 2 && o.data[7] == 15,
	   "a u32 is overwritten in place and nothing beside it");
	wire_out_done(&o);
	ok(!o.data && !o.size, "a finished buffer is empty");
	wire_out_done(NULL);
}

static void test_large(void)
{
	struct wire_out o = {0};
	struct wire_in in;
	int is_same = 1;

	for (uint32_t i = 0; i < 100000; i++)
		wire_put_u32(&o, i * 2654435761u);
	wire_in_init(&in, o.data, o.size);
	for (uint32_t i = 0; i < 100000; i++)
		is_same &= wire_get_u32(&in) == i * 2654435761u;
	ok(is_same && wire_in_end(&in), "a buffer grows over many sizes and keeps its bytes");
	wire_out_done(&o);
}

static void test_short_reads(void)
{
	const uint8_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct wire_in in;

	wire_in_init(&in, data, 3);
	is_int(wire_get_u32(&in), 0, "a short u32 is zero");
	ok(in.is_bad, "a short read is bad");
	is_int(wire_get_u8(&in), 0, "after a bad read nothing is read, though it would be there");
	ok(!wire_get_bytes(&in, 0), "not even nothing");
	ok(!wire_in_end(&in), "a bad input has no good end");
	wire_in_init(&in, data, 8);
	wire_get_u32(&in);
	ok(!wire_in_end(&in), "bytes that are left over are no good end");
	wire_in_init(&in, data, 8);
	ok(!wire_get_bytes(&in, SIZE_MAX) && in.is_bad, "a size near the type's limit is refused");
	wire_in_init(&in, NULL, 0);
	ok(wire_in_end(&in), "an empty input is at its end");
}

/* Exact copies on the heap, so that a sanitizer sees a read beyond the end. */
static const char *test_str_of(const void *data, size_t size, int *ret_is_bad)
{
	static uint8_t *copy;
	struct wire_in in;
	const char *text;

	free(copy);
	copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	wire_in_init(&in, copy, size);
	text = wire_get_str(&in);
	*ret_is_bad = in.is_bad || !wire_in_end(&in);
	return text;
}

static void test_strings(void)
{
	int is_bad;

	ok(!test_str_of("\3\0\0\0ab", 6, &is_bad) && is_bad, "a string that is cut is bad");
	ok(!test_str_of("\2\0\0\0ab", 6, &is_bad) && is_bad, "a string without its NUL is bad");
	ok(!test_str_of("\2\0\0\0abc", 7, &is_bad) && is_bad, "another byte in its place is bad");
	ok(!test_str_of("\2\0\0\0a\0\0", 7, &is_bad) && is_bad, "a NUL inside is bad");
	ok(!test_str_of("\xfe\xff\xff\xff", 4, &is_bad) && is_bad, "the longest length is bad");
	ok(!test_str_of("\xff\xff\xff", 3, &is_bad) && is_bad, "half a NULL is bad");
	ok(!test_str_of("\xff\xff\xff\xff", 4, &is_bad) && !is_bad, "a NULL is good");
	is_str(test_str_of("\1\0\0\0a\0", 6, &is_bad), "a", "a good one is read");
	ok(!is_bad, "and is good");
}

static void test_counts(void)
{
	struct wire_in in;

	wire_in_init(&in, "\2\0\0\0abcdefgh", 12);
	is_int(wire_get_count(&in, 4), 2, "a count whose items fit is accepted");
	wire_in_init(&in, "\3\0\0\0abcdefgh", 12);
	is_int(wire_get_count(&in, 4), 0, "a count whose items cannot fit is zero");
	ok(in.is_bad, "and bad");
	wire_in_init(&in, "\xff\xff\xff\xff", 4);
	is_int(wire_get_count(&in, 1), 0, "a huge count is refused before anybody allocates");
	wire_in_init(&in, "\0\0\0\0", 4);
	ok(!wire_get_count(&in, 8) && wire_in_end(&in), "no items need no bytes");
}

int main(void)
{
	test_round_trip();
	test_byte_order();
	test_large();
	test_short_reads();
	test_strings();
	test_counts();
	return done_testing();
}
