/* The accelerator: wish and facts in, decision out. Pure. */
#include "runtime/vm/accel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "runtime/vm/facts.h"
#include "runtime/vm/vm.h"

static const char *const accel_wish_names[] = {
	[ACCEL_WISH_AUTO] = "auto",
	[ACCEL_WISH_KVM] = "kvm",
	[ACCEL_WISH_TCG] = "tcg",
};
static_assert(sizeof(accel_wish_names) / sizeof(*accel_wish_names) == ACCEL_WISH_COUNT,
	      "a name each");

static const char *const vm_accel_names[] = {
	[VM_ACCEL_KVM] = "kvm",
	[VM_ACCEL_TCG] = "tcg",
};
static_assert(sizeof(vm_accel_names) / sizeof(*vm_accel_names) == VM_ACCEL_COUNT, "a name each");

bool accel_wish_parse(const char *text, enum accel_wish *ret)
{
	for (int i = 0; i < ACCEL_WISH_COUNT; i++) {
		if (!strcmp(text, accel_wish_names[i])) {
			*ret = (enum accel_wish)i;
			return true;
		}
	}
	return false;
}

const char *accel_wish_name(enum accel_wish wish)
{
	return wish < ACCEL_WISH_COUNT ? accel_wish_names[wish] : "?";
}

const char *vm_accel_name(enum vm_accel accel)
{
	return accel < VM_ACCEL_COUNT ? vm_accel_names[accel] : "?";
}

unsigned int accel_needs(enum accel_wish wish, const char *arch)
{
	bool is_native = !strcmp(arch, vm_arch_host());
	unsigned int needs = 0;

	if (wish != ACCEL_WISH_TCG && is_native)
		needs |= FACTS_NEED_KVM;
	/* Only TCG wants the counter's rate; whether AUTO ends there is not known yet. */
	if (wish != ACCEL_WISH_KVM && is_native && !strcmp(arch, "amd64"))
		needs |= FACTS_NEED_TSC;
	return needs;
}

int accel_choose(enum accel_wish wish, const char *arch, const struct host_facts *facts,
		 enum vm_accel *ret_accel, const char **ret_reason, struct err *e)
{
	bool is_native = !strcmp(arch, vm_arch_host());

	if (ret_reason)
		*ret_reason = NULL;
	if (wish == ACCEL_WISH_TCG || (wish == ACCEL_WISH_AUTO && !is_native)) {
		*ret_accel = VM_ACCEL_TCG;
		return 0;
	}
	if (!is_native)
		return err_set(e, -EINVAL, "kvm: this host cannot run architecture '%s'", arch);
	if (facts->has_kvm_answer && facts->is_kvm_good) {
		*ret_accel = VM_ACCEL_KVM;
		return 0;
	}
	if (wish == ACCEL_WISH_KVM)
		return err_set(e, -ENODEV, "kvm: %s",
			       facts->has_kvm_answer ? facts->kvm_reason : "not probed");
	*ret_accel = VM_ACCEL_TCG;
	if (ret_reason && facts->has_kvm_answer)
		*ret_reason = facts->kvm_reason;
	return 0;
}
