/* Fuzz target: config.json through parse, check and plan (with its seccomp filter, device program
 * and cgroup files) to the guest's description, which the guest's side must be able to read. */
#include "lib/guest.h"
#include "lib/mem.h"
#include "runtime/plan/plan.h"
#include "tests/fuzz/fuzz.h"

/* Everything config.json may ask for is allowed: more code is reached. */
static const struct settings fuzz_settings = {
	.kernel = (char[]){"/kernel"},
	.initramfs = (char[]){"/initramfs"},
	.memory_mib = 256,
	.vcpus = 2,
	.boot_timeout_s = 60,
	.vm_policy = SETTINGS_VM_ALL,
	.annotations = UINT32_MAX,
	.kernels = (char[]){"/kernels"},
	.max_vcpus = 16,
	.max_memory_mib = 65536,
};

static void fuzz_describe(const struct plan *plan)
{
	struct guest_container c = plan->guest;
	struct guest_container back;
	struct wire_out o = {0};
	struct wire_in in;

	c.id = "fuzz";
	guest_container_encode(&o, &c);
	wire_in_init(&in, o.data, o.size);
	if (guest_container_decode(&in, &back) < 0)
		abort();
	guest_container_done(&back);
	wire_out_done(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t stdio[3] = {GUEST_STDIO_PIPE, GUEST_STDIO_PIPE, GUEST_STDIO_PIPE};
	auto_free char *text = xmemdup(data, size);
	struct oci_config *config = NULL;
	struct plan *plan = NULL;
	struct err e = {""};

	if (oci_config_parse(text, size, "config.json", &config, &e) ||
	    oci_config_check(config, &e) ||
	    plan_make(config, "/bundle", &fuzz_settings, stdio, &plan, &e)) {
		fuzz_check_line(&e);
	} else {
		fuzz_describe(plan);
		plan_free(plan);
	}
	oci_config_free(config);
	return 0;
}
