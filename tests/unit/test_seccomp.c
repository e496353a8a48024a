/* Profiles compiled to BPF, and what the program answers: evaluated here, for every architecture.
 */
#include "runtime/seccomp/seccomp.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "lib/mem.h"

#define DENIED	(SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)
#define X32_BIT 0x40000000

/* Classic BPF as seccomp(2) uses it; loads are 32-bit words of struct seccomp_data. */
static uint32_t evaluate(const struct guest_seccomp *p, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (uint32_t pc = 0; pc < p->count; pc++) {
		const struct sock_filter *f = &p->insns[pc];
		int is_true = 0;

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			is_true = a == f->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			is_true = a > f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			is_true = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			is_true = (a & f->k) != 0;
			break;
		default:
			printf("# instruction %u: code 0x%x\n", pc, f->code);
			return UINT32_MAX;
		}
		pc += is_true ? f->jt : f->jf;
	}
	return UINT32_MAX; /* fell off the end */
}

static struct oci_config *parse(const char *seccomp)
{
	auto_free char *text =
		xasprintf("{\"ociVersion\": \"1.0.0\", \"process\": {\"cwd\": \"/\", "
			  "\"args\": [\"x\"]}, \"linux\": {\"seccomp\": %s}}",
			  seccomp);
	struct oci_config *config = NULL;
	struct err e;

	if (oci_config_parse(text, strlen(text), "config.json", &config, &e) < 0) {
		printf("# %s\n", e.text);
		abort();
	}
	return config;
}

static uint32_t answer(const char *seccomp, const char *arch, struct seccomp_data data)
{
	struct oci_config *config = parse(seccomp);
	struct guest_seccomp program = {0};
	uint32_t result = UINT32_MAX;
	struct err e;

	if (seccomp_compile(config->linux_.seccomp, arch, &program, &e) < 0)
		printf("# %s\n", e.text);
	else
		result = evaluate(&program, &data);
	free(program.insns);
	oci_config_free(config);
	return result;
}

#define CALLS(rest) "\"syscalls\": [{\"names\": [\"getpid\", \"no_such_call\"], " rest "}]}"
#define DENY	    "{\"defaultAction\": \"SCMP_ACT_ERRNO\", "
#define ALLOW	    "{\"defaultAction\": \"SCMP_ACT_ALLOW\", "
#define ARG(op, value, two)                                                                        \
	"\"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 1, \"op\": \"SCMP_CMP_" op         \
	"\", \"value\": " value ", \"valueTwo\": " two "}]"

enum { GETPID = 39, GETPPID = 110, CLONE3 = 435 }; /* x86-64 */

static void test_actions(void)
{
	static const struct {
		const char *action;
		uint32_t want;
	} rows[] = {
		{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
		{"SCMP_ACT_ERRNO", DENIED},
		{"SCMP_ACT_ERRNO\", \"errnoRet\": 0, \"x\": \"", SECCOMP_RET_ERRNO},
		{"SCMP_ACT_ERRNO\", \"errnoRet\": 38, \"x\": \"", SECCOMP_RET_ERRNO | 38},
		{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
		{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
		{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM},
		{"SCMP_ACT_TRACE\", \"errnoRet\": 7, \"x\": \"", SECCOMP_RET_TRACE | 7},
		{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
	};
	const struct seccomp_data in = {.nr = GETPID, .arch = AUDIT_ARCH_X86_64};
	const struct seccomp_data out = {.nr = GETPID + 1, .arch = AUDIT_ARCH_X86_64};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		auto_free char *rule = xasprintf(ALLOW CALLS("\"action\": \"%s\""), rows[i].action);
		auto_free char *all = xasprintf("{\"defaultAction\": \"%s\"}", rows[i].action);

		is_int(answer(rule, "amd64", in), rows[i].want, rows[i].action);
		is_int(answer(rule, "amd64", out), SECCOMP_RET_ALLOW, "and others are allowed");
		if (!strchr(rows[i].action, '"'))
			is_int(answer(all, "amd64", in), rows[i].want, "as the default too");
	}
	is_int(answer("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 71}", "amd64",
		      in),
	       SECCOMP_RET_ERRNO | 71, "defaultErrnoRet");
}

static void test_operators(void)
{
	static const struct {
		const char *rule;
		const char *name;
		uint64_t hit, miss;
	} rows[] = {
		{ALLOW CALLS(ARG("EQ", "5", "0")), "EQ", 5, 6},
		{ALLOW CALLS(ARG("NE", "5", "0")), "NE", 6, 5},
		{ALLOW CALLS(ARG("LT", "5", "0")), "LT", 4, 5},
		{ALLOW CALLS(ARG("LE", "5", "0")), "LE", 5, 6},
		{ALLOW CALLS(ARG("GT", "5", "0")), "GT", 6, 5},
		{ALLOW CALLS(ARG("GE", "5", "0")), "GE", 5, 4},
		{ALLOW CALLS(ARG("MASKED_EQ", "12", "4")), "MASKED_EQ", 0xf4 & ~8, 0xff},
		{ALLOW CALLS(ARG("EQ", "18446744069414584320", "0")), "EQ of 64 bits",
		 0xffffffff00000000, 0},
	};
	struct seccomp_data data = {.nr = GETPID, .arch = AUDIT_ARCH_X86_64};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		data.args[1] = rows[i].hit;
		is_int(answer(rows[i].rule, "amd64", data), DENIED, rows[i].name);
		data.args[1] = rows[i].miss;
		is_int(answer(rows[i].rule, "amd64", data), SECCOMP_RET_ALLOW, "and its opposite");
	}
}

/* Different arguments: all must match. The same one twice: any (runc's rule). */
static void test_several_arguments(void)
{
	static const char both[] =
		ALLOW CALLS("\"action\": \"SCMP_ACT_ERRNO\", \"args\": ["
			    "{\"index\": 0, \"op\": \"SCMP_CMP_EQ\", \"value\": 1}, "
			    "{\"index\": 1, \"op\": \"SCMP_CMP_EQ\", \"value\": 2}]");
	static const char any[] =
		ALLOW CALLS("\"action\": \"SCMP_ACT_ERRNO\", \"args\": ["
			    "{\"index\": 0, \"op\": \"SCMP_CMP_EQ\", \"value\": 1}, "
			    "{\"index\": 0, \"op\": \"SCMP_CMP_EQ\", \"value\": 2}]");
	struct seccomp_data data = {.nr = GETPID, .arch = AUDIT_ARCH_X86_64, .args = {1, 2}};

	is_int(answer(both, "amd64", data), DENIED, "two arguments that both match");
	is_int(answer(any, "amd64", data), DENIED, "one of two values of an argument");
	data.args[1] = 3;
	is_int(answer(both, "amd64", data), SECCOMP_RET_ALLOW, "one of two arguments");
	data.args[0] = 2;
	is_int(answer(any, "amd64", data), DENIED, "the other of two values");
	data.args[0] = 3;
	is_int(answer(any, "amd64", data), SECCOMP_RET_ALLOW, "none of two values");
}

static void test_architectures(void)
{
	static const char all[] =
		DENY "\"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\", "
		     "\"SCMP_ARCH_X32\"], " CALLS("\"action\": \"SCMP_ACT_ALLOW\"");
	static const char none[] = DENY CALLS("\"action\": \"SCMP_ACT_ALLOW\"");
	static const struct {
		const char *profile, *vm;
		uint32_t arch;
		int nr;
		uint32_t want;
		const char *name;
	} rows[] = {
		{all, "amd64", AUDIT_ARCH_X86_64, GETPID, SECCOMP_RET_ALLOW, "x86-64"},
		{all, "amd64", AUDIT_ARCH_I386, 20, SECCOMP_RET_ALLOW, "x86"},
		{all, "amd64", AUDIT_ARCH_I386, 19, DENIED, "x86, another call"},
		{all, "amd64", AUDIT_ARCH_X86_64, X32_BIT | GETPID, SECCOMP_RET_ALLOW, "x32"},
		{all, "amd64", AUDIT_ARCH_X86_64, X32_BIT | 1, DENIED, "x32, another call"},
		{none, "amd64", AUDIT_ARCH_X86_64, GETPID, SECCOMP_RET_ALLOW, "the VM's own"},
		{none, "amd64", AUDIT_ARCH_I386, 20, SECCOMP_RET_KILL_THREAD, "x86 unlisted"},
		{none, "amd64", AUDIT_ARCH_X86_64, X32_BIT | GETPID, SECCOMP_RET_KILL_THREAD,
		 "x32 unlisted"},
		{none, "arm64", AUDIT_ARCH_AARCH64, 172, SECCOMP_RET_ALLOW, "arm64"},
		{none, "riscv64", AUDIT_ARCH_RISCV64, 172, SECCOMP_RET_ALLOW, "riscv64"},
		{none, "s390x", AUDIT_ARCH_S390X, 20, SECCOMP_RET_ALLOW, "s390x"},
		{none, "arm", AUDIT_ARCH_ARM, 20, SECCOMP_RET_ALLOW, "arm"},
		{none, "arm64", AUDIT_ARCH_X86_64, GETPID, SECCOMP_RET_KILL_THREAD,
		 "the host's in another VM"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct seccomp_data data = {.nr = rows[i].nr, .arch = rows[i].arch};

		is_int(answer(rows[i].profile, rows[i].vm, data), rows[i].want, rows[i].name);
	}
}

/* What is newer than the profile does not exist; what is older and unnamed is denied. */
static void test_newer_calls(void)
{
	static const struct {
		const char *profile;
		uint32_t arch;
		int nr;
		uint32_t want;
		const char *name;
	} rows[] = {
		{DENY CALLS("\"action\": \"SCMP_ACT_ALLOW\""), AUDIT_ARCH_X86_64, GETPID - 1,
		 DENIED, "an older call is denied"},
		{DENY CALLS("\"action\": \"SCMP_ACT_ALLOW\""), AUDIT_ARCH_X86_64, CLONE3, UNKNOWN,
		 "a newer call is unknown"},
		{DENY
		 "\"architectures\": [\"SCMP_ARCH_X86\"], " CALLS("\"action\": \"SCMP_ACT_ALLOW\""),
		 AUDIT_ARCH_I386, 21, UNKNOWN, "a newer call of x86 is unknown"},
		{DENY
		 "\"architectures\": [\"SCMP_ARCH_X32\"], " CALLS("\"action\": \"SCMP_ACT_ALLOW\""),
		 AUDIT_ARCH_X86_64, X32_BIT | 40, UNKNOWN, "a newer call of x32 is unknown"},
		{DENY "\"defaultErrnoRet\": 38, " CALLS("\"action\": \"SCMP_ACT_ALLOW\""),
		 AUDIT_ARCH_X86_64, GETPID - 1, UNKNOWN, "unless the default says so itself"},
		{ALLOW CALLS("\"action\": \"SCMP_ACT_ERRNO\""), AUDIT_ARCH_X86_64, CLONE3,
		 SECCOMP_RET_ALLOW, "a permissive default is left alone"},
		{"{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\", " CALLS(
			 "\"action\": \"SCMP_ACT_ALLOW\""),
		 AUDIT_ARCH_X86_64, CLONE3, UNKNOWN, "with another default as well"},
		{"{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\"}", AUDIT_ARCH_X86_64, CLONE3,
		 SECCOMP_RET_KILL_PROCESS, "a profile that names no call"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct seccomp_data data = {.nr = rows[i].nr, .arch = rows[i].arch};

		is_int(answer(rows[i].profile, "amd64", data), rows[i].want, rows[i].name);
	}
}

static void test_refusals(void)
{
	static const struct {
		const char *profile;
		const char *text;
	} rows[] = {
		{"{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}",
		 "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY"},
		{ALLOW CALLS("\"action\": \"SCMP_ACT_NOTIFY\""),
		 "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY"},
		{ALLOW "\"listenerPath\": \"/run/x\", " CALLS("\"action\": \"SCMP_ACT_ERRNO\""),
		 "linux.seccomp.listenerPath"},
		{ALLOW "\"architectures\": [\"SCMP_ARCH_S390X\"]}",
		 "linux.seccomp.architectures: SCMP_ARCH_S390X: its byte order"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct oci_config *config = parse(rows[i].profile);
		struct guest_seccomp program = {0};
		struct err e = {""};
		int r = seccomp_compile(config->linux_.seccomp, "amd64", &program, &e);

		if (!ok(r < 0 && !strncmp(e.text, rows[i].text, strlen(rows[i].text)), "%s",
			rows[i].text))
			printf("#   got %d '%s'\n", r, e.text);
		ok(!program.insns, "and nothing is made");
		oci_config_free(config);
	}
}

static void test_flags(void)
{
	static const struct {
		const char *profile;
		uint32_t want;
		const char *name;
	} rows[] = {
		{ALLOW "\"syscalls\": []}", SECCOMP_FILTER_FLAG_SPEC_ALLOW, "no flags: runc's"},
		{ALLOW "\"flags\": []}", 0, "an empty list: none"},
		{ALLOW "\"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"]}", SECCOMP_FILTER_FLAG_LOG, "LOG"},
		{ALLOW "\"flags\": [\"SECCOMP_FILTER_FLAG_TSYNC\", "
		       "\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]}",
		 SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, "TSYNC, SPEC_ALLOW"},
		{ALLOW "\"flags\": [\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}", 0,
		 "a listener's flag without one"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct oci_config *config = parse(rows[i].profile);
		struct guest_seccomp program = {0};
		struct err e;

		if (seccomp_compile(config->linux_.seccomp, "amd64", &program, &e) < 0)
			printf("# %s\n", e.text);
		is_int(program.flags, rows[i].want, rows[i].name);
		free(program.insns);
		oci_config_free(config);
	}
}

/* The engines' own default profiles, as recorded. */
static void test_engine_profiles(void)
{
	/* podman's profile ends in ENOSYS itself. */
	static const struct {
		const char *name;
		uint32_t denied;
	} files[] = {{"docker-run-it", DENIED}, {"podman-run-it", UNKNOWN}};
	static const struct {
		int nr;
		uint64_t arg;
		uint32_t want;
		const char *name;
	} rows[] = {
		{GETPID, 0, SECCOMP_RET_ALLOW, "getpid is allowed"},
		{59, 0, SECCOMP_RET_ALLOW, "execve is allowed"},
		{135, 0, SECCOMP_RET_ALLOW, "personality(PER_LINUX) is allowed"},
		{135, 0x1234, 0, "another personality is not"},
		{246, 0, DENIED, "kexec_load is not"},
		{1000, 0, UNKNOWN, "a call of the future is unknown"},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		auto_free char *path =
			xasprintf(TEST_DATA "/data-oci/%s.config.json", files[i].name);
		struct guest_seccomp program = {0};
		struct oci_config *config = NULL;
		struct err e;

		if (!ok(!oci_config_load(path, &config, &e) &&
				!seccomp_compile(config->linux_.seccomp, "amd64", &program, &e),
			"the profile of %s is compiled", files[i].name))
			printf("# %s\n", e.text);
		for (size_t n = 0; n < sizeof(rows) / sizeof(*rows); n++) {
			const struct seccomp_data data = {
				.nr = rows[n].nr, .arch = AUDIT_ARCH_X86_64, .args = {rows[n].arg}};

			is_int(evaluate(&program, &data),
			       rows[n].want ? rows[n].want : files[i].denied, rows[n].name);
		}
		free(program.insns);
		oci_config_free(config);
	}
}

int main(void)
{
	test_actions();
	test_operators();
	test_several_arguments();
	test_architectures();
	test_newer_calls();
	test_refusals();
	test_flags();
	test_engine_profiles();
	return done_testing();
}
