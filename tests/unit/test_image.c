/* Headers of disk images: what vmrt makes itself, and what it refuses of others. */
#include "runtime/image/qcow2.h"
#include "tests/unit/tap.h"

#include <endian.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER 512

static void put32(unsigned char *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static void put64(unsigned char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

/* As qcow2_write_empty() makes it; false: it does not. */
static bool make(uint64_t size, unsigned char header[HEADER])
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	bool is_good = fd >= 0 && qcow2_write_empty(fd, size) == 0 &&
		       pread(fd, header, HEADER, 0) == HEADER;

	close(fd);
	return is_good;
}

static void check_own(void)
{
	static const uint64_t sizes[] = {512, 676331520, UINT64_C(512) << 20, UINT64_C(2) << 40,
					 UINT64_C(64) << 40};
	unsigned char header[HEADER];
	struct err e;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t size = 0;

		ok(make(sizes[i], header) && qcow2_is(header) &&
			   qcow2_read_header(header, HEADER, &size, &e) == 0 && size == sizes[i],
		   "an empty image of %llu bytes has its size", (unsigned long long)sizes[i]);
	}
	ok(!make(0, header), "no disk is of no size");
	ok(!make((UINT64_C(64) << 40) + 512, header), "a disk may be too large");
}

static void refuses(const unsigned char *header, size_t size, const char *why)
{
	uint64_t bytes = 0;
	struct err e = {""};

	ok(qcow2_read_header(header, size, &bytes, &e) < 0 && strstr(e.text, why) && !bytes,
	   "refused: %s", why);
}

static void check_foreign(void)
{
	unsigned char good[HEADER];
	unsigned char header[HEADER];

	ok(make(1 << 20, good), "a header to be changed");
	refuses(good, 71, "damaged");
	refuses(good, 103, "damaged");
	memcpy(header, good, HEADER);
	put32(header + 4, 4);
	refuses(header, HEADER, "unknown version");
	memcpy(header, good, HEADER);
	put64(header + 8, 512);
	refuses(header, HEADER, "backing file");
	memcpy(header, good, HEADER);
	put64(header + 72, 4);
	refuses(header, HEADER, "data in another file");
	memcpy(header, good, HEADER);
	put32(header + 32, 2);
	refuses(header, HEADER, "encrypted");
	memcpy(header, good, HEADER);
	put64(header + 24, UINT64_MAX);
	refuses(header, HEADER, "no size that is possible");
}

int main(void)
{
	check_own();
	check_foreign();
	return done_testing();
}
