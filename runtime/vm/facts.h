/* Facts of this host that cost time to find out, cached per boot in `<run dir>/host-facts`.
 *
 * The cache is a hint: unwritable, torn, foreign or older than this boot means "find out again".
 * Must not decide anything. */
#ifndef VMRT_VM_FACTS_H
#define VMRT_VM_FACTS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "runtime/vm/virtiofsd.h"

enum {
	FACTS_NEED_KVM = 1 << 0,       /* up to 1 s when not cached */
	FACTS_NEED_TSC = 1 << 1,       /* up to 100 ms when not cached */
	FACTS_NEED_VIRTIOFSD = 1 << 2, /* one `--version` when not cached */
};

#define FACTS_REASON_BYTES 200
#define FACTS_BOOT_ID	   36

struct host_facts {
	char boot_id[FACTS_BOOT_ID + 1]; /* of the kernel that runs; "": unknown */
	bool has_kvm_answer;
	bool is_kvm_good;
	char kvm_reason[FACTS_REASON_BYTES]; /* why not; one line, no prefix. "" when good */
	bool was_kvm_probed;		     /* in this very call, not read from the cache */
	unsigned int tsc_khz;		     /* 0: unknown or not constant: do not use it */
	struct virtiofsd_binary virtiofsd;   /* kind VIRTIOFSD_NONE when it was not asked for */
};

/* Reads the cache in `run_dir` (rundir_host(); created 0700 if missing), finds out what is
 * missing of `needs`, and writes it back by atomic rename. `virtiofsd_path` is the configured one
 * or NULL for the known places. Fails only for a virtiofsd that is missing or not understood. */
int host_facts_get(const char *run_dir, unsigned int needs, const char *virtiofsd_path,
		   struct host_facts *ret, struct err *e) VMRT_MUST_CHECK;

#endif
