/* Fuzz target: netlink dumps of a network namespace, which an engine or somebody with CAP_NET_ADMIN
 * in it has filled; and the description for the guest that becomes of them. */
#include "lib/mem.h"
#include "runtime/net/scan.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Aligned, and of exactly that size. */
	auto_free uint8_t *copy = xmemdup(data, size);
	const struct nlmsghdr *message = (const struct nlmsghdr *)copy;
	struct scan s = {0};
	int left = (int)size;

	while (netlink_is_whole(message, left)) {
		scan_take(&s, message);
		message = mnl_nlmsg_next(message, &left);
	}
	scan_done(&s);
	return 0;
}
