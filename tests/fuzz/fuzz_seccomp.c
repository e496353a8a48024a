/* Fuzz target: a seccomp profile, from JSON to the BPF program that the guest loads. */
#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "runtime/seccomp/seccomp.h"
#include "tests/fuzz/fuzz.h"

#define BEFORE                                                                                     \
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"process\":{\"args\":[\"x\"],"       \
	"\"cwd\":\"/\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"seccomp\":"
#define AFTER "}}"

/* Classic BPF jumps forward only, inside of the program, and ends with a return. */
static void fuzz_check_program(const struct guest_seccomp *s)
{
	if (!s->count)
		return;
	for (size_t i = 0; i < s->count; i++) {
		const struct sock_filter *f = &s->insns[i];

		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (BPF_OP(f->code) == BPF_JA ? i + 1 + f->k >= s->count
					      : i + 1 + (f->jt > f->jf ? f->jt : f->jf) >= s->count)
			abort();
	}
	if (BPF_CLASS(s->insns[s->count - 1].code) != BPF_RET)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const archs[] = {"amd64", "arm64", "s390x"};
	size_t total = sizeof(BEFORE) - 1 + size + sizeof(AFTER) - 1;
	auto_free char *text = xmalloc(total + 1);
	struct guest_seccomp s = {0};
	struct oci_config *config = NULL;
	struct err e = {""};

	memcpy(text, BEFORE, sizeof(BEFORE) - 1);
	memcpy(text + sizeof(BEFORE) - 1, data, size);
	memcpy(text + sizeof(BEFORE) - 1 + size, AFTER, sizeof(AFTER));
	if (oci_config_parse(text, total, "config.json", &config, &e)) {
		fuzz_check_line(&e);
		return 0;
	}
	for (size_t i = 0; config->linux_.seccomp && i < sizeof(archs) / sizeof(*archs); i++) {
		if (seccomp_compile(config->linux_.seccomp, archs[i], &s, &e)) {
			fuzz_check_line(&e);
			continue;
		}
		fuzz_check_program(&s);
		free(s.insns);
		s = (struct guest_seccomp){0};
	}
	oci_config_free(config);
	return 0;
}
