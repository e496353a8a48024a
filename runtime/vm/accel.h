/* Which accelerator a VM runs under: a decision from the wish and the host's facts.
 *
 * Must not touch the world: probing is kvmprobe.h's, caching is facts.h's. */
#ifndef VMRT_VM_ACCEL_H
#define VMRT_VM_ACCEL_H

#include <stdbool.h>

#include "lib/err.h"

struct host_facts;

enum accel_wish { ACCEL_WISH_AUTO, ACCEL_WISH_KVM, ACCEL_WISH_TCG, ACCEL_WISH_COUNT };
enum vm_accel { VM_ACCEL_KVM, VM_ACCEL_TCG, VM_ACCEL_COUNT };

/* "auto", "kvm", "tcg" -> wish. False for any other text. */
bool accel_wish_parse(const char *text, enum accel_wish *ret);
const char *accel_wish_name(enum accel_wish wish);
const char *vm_accel_name(enum vm_accel accel);

/* FACTS_NEED_* that accel_choose() and vm_qemu_argv() will want for this wish and architecture. */
unsigned int accel_needs(enum accel_wish wish, const char *arch);

/* Decides. `arch` is the guest's, in OCI spelling ("amd64"). AUTO never fails. KVM fails with the
 * probe's reason when it does not work. `ret_reason` (may be NULL) becomes one line to log when
 * TCG was taken because KVM does not work, else NULL; it points into `facts`. Whether the probe
 * was made just now (then say it, else stay silent) is facts->was_kvm_probed. */
int accel_choose(enum accel_wish wish, const char *arch, const struct host_facts *facts,
		 enum vm_accel *ret_accel, const char **ret_reason, struct err *e) VMRT_MUST_CHECK;

#endif
