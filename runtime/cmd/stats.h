/* Usage numbers of the guest's cgroup v2 as runc's `events` prints them. */
#ifndef VMRT_CMD_STATS_H
#define VMRT_CMD_STATS_H

#include <stdint.h>

#include "lib/err.h"
#include "runtime/oci/json_write.h"

#define STATS_NONE UINT64_MAX /* no such file; as a limit also: none is set, as runc prints it */

/* An answer of the guest (GUEST_BUILTIN_STATS), which must outlive it. */
struct stats {
	const char *answer;
	size_t size;
};

/* Fails for an answer that is malformed. */
int stats_init(struct stats *s, const char *answer, size_t size, struct err *e) VMRT_MUST_CHECK;

/* The number that is all of a file, "max" being STATS_NONE. */
uint64_t stats_number(const struct stats *s, const char *file);
/* The number behind a word of a file of such pairs: "anon" of memory.stat. 0 when it is not there.
 */
uint64_t stats_entry(const struct stats *s, const char *file, const char *key);
/* cpu.max; STATS_NONE for a quota that is not set. */
void stats_cpu_max(const struct stats *s, uint64_t *ret_quota_us, uint64_t *ret_period_us);

/* The member "data" of a stats event: runc's types/events.go, filled as runc fills it on cgroup v2,
 * where swap is memory and swap together and a CPU's own share is not known. */
void stats_put(const struct stats *s, struct json_out *out);

#endif
