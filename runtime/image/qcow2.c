/* Headers of qcow2 files. Must not follow anything that they point to. */
#include "runtime/image/qcow2.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"

#define QCOW2_MAGIC	    "QFI\xfb"
#define QCOW2_HEADER_BYTES  104 /* of version 3 */
#define QCOW2_V2_BYTES	    72
#define QCOW2_SIZE_MAX	    (UINT64_C(64) << 40)
#define QCOW2_EXTERNAL_DATA (UINT64_C(1) << 2)

/* Offsets in the header. All numbers are big-endian. */
enum {
	QCOW2_VERSION = 4,
	QCOW2_BACKING_OFFSET = 8,
	QCOW2_CLUSTER_BITS = 20,
	QCOW2_SIZE = 24,
	QCOW2_CRYPT_METHOD = 32,
	QCOW2_L1_SIZE = 36,
	QCOW2_L1_OFFSET = 40,
	QCOW2_REFCOUNT_OFFSET = 48,
	QCOW2_REFCOUNT_CLUSTERS = 56,
	QCOW2_INCOMPATIBLE = 72,
	QCOW2_REFCOUNT_ORDER = 96,
	QCOW2_HEADER_LENGTH = 100,
};

/* Of files that are made here. */
#define QCOW2_OWN_CLUSTER_BITS	 16
#define QCOW2_OWN_CLUSTER	 (1u << QCOW2_OWN_CLUSTER_BITS)
#define QCOW2_OWN_REFCOUNT_ORDER 4 /* 16 bits each */
/* One entry of the first table leads to a cluster full of 8-byte entries for a cluster each. */
#define QCOW2_OWN_L1_REACH ((uint64_t)QCOW2_OWN_CLUSTER * (QCOW2_OWN_CLUSTER / 8))

static uint32_t qcow2_get32(const unsigned char *header, size_t at)
{
	uint32_t value;

	memcpy(&value, header + at, sizeof(value));
	return be32toh(value);
}

static uint64_t qcow2_get64(const unsigned char *header, size_t at)
{
	uint64_t value;

	memcpy(&value, header + at, sizeof(value));
	return be64toh(value);
}

static void qcow2_put32(unsigned char *to, uint32_t value)
{
	value = htobe32(value);
	memcpy(to, &value, sizeof(value));
}

static void qcow2_put64(unsigned char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

bool qcow2_is(const unsigned char *header)
{
	return !memcmp(header, QCOW2_MAGIC, 4);
}

int qcow2_read_header(const unsigned char *header, size_t size, uint64_t *ret_bytes, struct err *e)
{
	uint32_t version = size >= QCOW2_V2_BYTES ? qcow2_get32(header, QCOW2_VERSION) : 0;
	uint64_t bytes;

	if (version < 2 || version > 3 || (version == 3 && size < QCOW2_HEADER_BYTES))
		return err_set(e, -EMEDIUMTYPE,
			       "its qcow2 header is damaged or of an unknown version");
	if (qcow2_get64(header, QCOW2_BACKING_OFFSET))
		return err_set(e, -EPERM,
			       "it has a backing file, which could be any file of the host's: "
			       "'qemu-img convert' makes one image of both");
	if (version == 3 && (qcow2_get64(header, QCOW2_INCOMPATIBLE) & QCOW2_EXTERNAL_DATA))
		return err_set(e, -EPERM,
			       "it has its data in another file, which could be any of the "
			       "host's: 'qemu-img convert' makes one image of both");
	if (qcow2_get32(header, QCOW2_CRYPT_METHOD))
		return err_set(e, -ENOTSUP, "it is encrypted");
	bytes = qcow2_get64(header, QCOW2_SIZE);
	if (!bytes || bytes > QCOW2_SIZE_MAX)
		return err_set(e, -EMEDIUMTYPE, "its disk has no size that is possible");
	*ret_bytes = bytes;
	return 0;
}

/* Header, refcount table, one refcount block, the first table: a cluster each, the last may have
 * more. The first table is empty and so are its clusters: a hole. */
int qcow2_write_empty(int fd, uint64_t size_bytes)
{
	uint64_t l1_size = (size_bytes + QCOW2_OWN_L1_REACH - 1) / QCOW2_OWN_L1_REACH;
	uint64_t l1_clusters = (l1_size * 8 + QCOW2_OWN_CLUSTER - 1) / QCOW2_OWN_CLUSTER;
	uint64_t used = 3 + l1_clusters;
	auto_free unsigned char *at = xcalloc(3, QCOW2_OWN_CLUSTER);
	unsigned char *refcounts = at + 2 * (size_t)QCOW2_OWN_CLUSTER;

	if (!size_bytes || size_bytes > QCOW2_SIZE_MAX)
		return -EFBIG;
	memcpy(at, QCOW2_MAGIC, 4);
	qcow2_put32(at + QCOW2_VERSION, 3);
	qcow2_put32(at + QCOW2_CLUSTER_BITS, QCOW2_OWN_CLUSTER_BITS);
	qcow2_put64(at + QCOW2_SIZE, size_bytes);
	qcow2_put32(at + QCOW2_L1_SIZE, (uint32_t)l1_size);
	qcow2_put64(at + QCOW2_L1_OFFSET, 3 * (uint64_t)QCOW2_OWN_CLUSTER);
	qcow2_put64(at + QCOW2_REFCOUNT_OFFSET, QCOW2_OWN_CLUSTER);
	qcow2_put32(at + QCOW2_REFCOUNT_CLUSTERS, 1);
	qcow2_put32(at + QCOW2_REFCOUNT_ORDER, QCOW2_OWN_REFCOUNT_ORDER);
	qcow2_put32(at + QCOW2_HEADER_LENGTH, QCOW2_HEADER_BYTES);
	qcow2_put64(at + QCOW2_OWN_CLUSTER, 2 * (uint64_t)QCOW2_OWN_CLUSTER);
	for (uint64_t i = 0; i < used; i++)
		refcounts[2 * i + 1] = 1;
	if (ftruncate(fd, (off_t)(used * QCOW2_OWN_CLUSTER)) < 0)
		return -errno;
	return fd_write_all(fd, at, 3 * (size_t)QCOW2_OWN_CLUSTER);
}
