/* libseccomp at work: profile in, BPF program out. Must not load anything.
 *
 * What the runtime specification leaves open is as in runc: unknown names are left out, a rule that
 * repeats the default action too, two conditions on one argument are alternatives, and without a
 * number ERRNO and TRACE carry EPERM. */
#include "runtime/seccomp/seccomp.h"

#include <byteswap.h>
#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/names.h"

#define COMPILE_ARCHS_MAX 32
#define COMPILE_ARGS_MAX  6

struct compile {
	const struct oci_seccomp *profile;
	scmp_filter_ctx filter;
	uint32_t archs[COMPILE_ARCHS_MAX]; /* each once, the guest's first */
	size_t arch_count;
};

uint32_t seccomp_arch_of(const char *arch)
{
	static const struct {
		const char *oci;
		uint32_t scmp;
	} map[] = {
		{"386", SCMP_ARCH_X86},		  {"amd64", SCMP_ARCH_X86_64},
		{"arm", SCMP_ARCH_ARM},		  {"arm64", SCMP_ARCH_AARCH64},
		{"ppc64le", SCMP_ARCH_PPC64LE},	  {"ppc64", SCMP_ARCH_PPC64},
		{"riscv64", SCMP_ARCH_RISCV64},	  {"s390x", SCMP_ARCH_S390X},
		{"mips64le", SCMP_ARCH_MIPSEL64},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		if (!strcmp(map[i].oci, arch))
			return map[i].scmp;
	}
	return 0;
}

static uint32_t compile_action(enum oci_seccomp_action action, const struct oci_opt_u32 *number)
{
	uint16_t data = number->has ? (uint16_t)number->value : EPERM;

	switch (action) {
	case OCI_SECCOMP_ALLOW:
		return SCMP_ACT_ALLOW;
	case OCI_SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(data);
	case OCI_SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case OCI_SECCOMP_LOG:
		return SCMP_ACT_LOG;
	case OCI_SECCOMP_TRACE:
		return SCMP_ACT_TRACE(data);
	case OCI_SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case OCI_SECCOMP_NOTIFY: /* refused before */
	case OCI_SECCOMP_KILL:
	case OCI_SECCOMP_KILL_THREAD:
	case OCI_SECCOMP_ACTION_COUNT:
		break;
	}
	return SCMP_ACT_KILL_THREAD;
}

static int compile_check(const struct oci_seccomp *p, struct err *e)
{
	static const char text[] = "system calls of a VM cannot be handed to a host process";

	if (p->listener_path)
		return err_set(e, -ENOTSUP, "linux.seccomp.listenerPath: %s", text);
	if (p->default_action == OCI_SECCOMP_NOTIFY)
		return err_set(e, -ENOTSUP, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY: %s",
			       text);
	for (size_t i = 0; i < p->rule_count; i++) {
		if (p->rules[i].action == OCI_SECCOMP_NOTIFY)
			return err_set(e, -ENOTSUP,
				       "linux.seccomp.syscalls[%zu].action: SCMP_ACT_NOTIFY: %s", i,
				       text);
	}
	return 0;
}

static int compile_add_arch(struct compile *c, uint32_t arch, struct err *e)
{
	int r;

	for (size_t i = 0; i < c->arch_count; i++) {
		if (c->archs[i] == arch)
			return 0;
	}
	r = seccomp_arch_add(c->filter, arch);
	if (r == -EEXIST)
		r = 0;
	if (r == 0 && c->arch_count == COMPILE_ARCHS_MAX)
		r = -E2BIG;
	if (r < 0)
		return err_set(e, r, "linux.seccomp.architectures: %s: %s",
			       oci_name_of(&oci_seccomp_archs, arch),
			       r == -EDOM ? "its byte order is not the VM's"
					  : "not possible in one filter");
	c->archs[c->arch_count++] = arch;
	return 0;
}

static int compile_archs(struct compile *c, const char *arch, struct err *e)
{
	uint32_t native = seccomp_arch_of(arch);
	int r;

	if (!native)
		return err_set(e, -ENOTSUP, "linux.seccomp: libseccomp does not know '%s'", arch);
	/* The filter is born with the host's architecture. */
	if (native != seccomp_arch_native()) {
		r = seccomp_arch_remove(c->filter, SCMP_ARCH_NATIVE);
		if (r < 0)
			return err_set(e, r, "linux.seccomp: removing the host's architecture: %s",
				       strerror(-r));
	}
	r = compile_add_arch(c, native, e);
	for (size_t i = 0; !r && i < c->profile->arch_count; i++)
		r = compile_add_arch(c, c->profile->archs[i], e);
	return r;
}

static struct scmp_arg_cmp compile_arg(const struct oci_seccomp_arg *arg)
{
	static const enum scmp_compare ops[OCI_SECCOMP_OP_COUNT] = {
		[OCI_SECCOMP_EQ] = SCMP_CMP_EQ, [OCI_SECCOMP_GE] = SCMP_CMP_GE,
		[OCI_SECCOMP_GT] = SCMP_CMP_GT, [OCI_SECCOMP_LE] = SCMP_CMP_LE,
		[OCI_SECCOMP_LT] = SCMP_CMP_LT, [OCI_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
		[OCI_SECCOMP_NE] = SCMP_CMP_NE,
	};

	return (struct scmp_arg_cmp){
		.arg = arg->index,
		.op = ops[arg->op],
		.datum_a = arg->value,
		.datum_b = arg->value_two,
	};
}

/* libseccomp takes each argument once per rule: more of them are rules of their own. */
static bool compile_has_double(const struct oci_seccomp_rule *rule)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->arg_count; i++) {
		if (seen & (1u << rule->args[i].index))
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

static int compile_call(struct compile *c, const struct oci_seccomp_rule *rule, int number,
			uint32_t action)
{
	struct scmp_arg_cmp args[COMPILE_ARGS_MAX];
	int r = 0;

	if (compile_has_double(rule)) {
		for (size_t i = 0; !r && i < rule->arg_count; i++) {
			args[0] = compile_arg(&rule->args[i]);
			r = seccomp_rule_add_array(c->filter, action, number, 1, args);
		}
		return r;
	}
	for (size_t i = 0; i < rule->arg_count; i++)
		args[i] = compile_arg(&rule->args[i]);
	return seccomp_rule_add_array(c->filter, action, number, (unsigned int)rule->arg_count,
				      args);
}

static int compile_rule(struct compile *c, size_t index, uint32_t default_action, struct err *e)
{
	const struct oci_seccomp_rule *rule = &c->profile->rules[index];
	uint32_t action = compile_action(rule->action, &rule->errno_ret);

	if (action == default_action)
		return 0;
	for (size_t i = 0; i < rule->names.count; i++) {
		const char *name = rule->names.at[i];
		int number = seccomp_syscall_resolve_name(name);
		int r = number == __NR_SCMP_ERROR ? 0 : compile_call(c, rule, number, action);

		if (r < 0)
			return err_set(e, r, "linux.seccomp.syscalls[%zu] (%s): %s", index, name,
				       strerror(-r));
	}
	return 0;
}

static int compile_filter(struct compile *c, const char *arch, uint32_t default_action,
			  struct err *e)
{
	int r = compile_archs(c, arch, e);

	for (size_t i = 0; !r && i < c->profile->rule_count; i++)
		r = compile_rule(c, i, default_action, e);
	return r;
}

/* libseccomp writes what the target would have in its memory; here they are numbers. */
static void compile_to_host_order(const struct compile *c, struct sock_filter *at, size_t count)
{
	bool is_target_le = c->archs[0] & __AUDIT_ARCH_LE;

	if (is_target_le == (__BYTE_ORDER == __LITTLE_ENDIAN))
		return;
	for (size_t i = 0; i < count; i++) {
		at[i].code = bswap_16(at[i].code);
		at[i].k = bswap_32(at[i].k);
	}
}

/* libseccomp 2.5 writes a program to a descriptor only. */
static int compile_export(const struct compile *c, struct guest_seccomp *ret, struct err *e)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct sock_filter stub[SECCOMP_STUB_MAX_INSNS];
	size_t stub_count = seccomp_stub_build(c->profile, c->archs, c->arch_count, stub);
	off_t size;
	int r = fd < 0 ? -errno : seccomp_export_bpf(c->filter, fd);

	size = r < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (r < 0 || size <= 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, -EINVAL, "linux.seccomp: making the filter: %s",
			       strerror(r < 0 ? -r : EIO));
	ret->count = (uint32_t)(stub_count + (size_t)size / sizeof(*stub));
	if (ret->count > BPF_MAXINSNS)
		return err_set(e, -E2BIG, "linux.seccomp: the filter has %u instructions, %d fit",
			       ret->count, BPF_MAXINSNS);
	ret->insns = xcalloc(ret->count, sizeof(*ret->insns));
	memcpy(ret->insns, stub, stub_count * sizeof(*stub));
	if (fd_read_all(fd, ret->insns + stub_count, (size_t)size) != size) {
		free(ret->insns);
		return err_set(e, -EIO, "linux.seccomp: reading the filter back failed");
	}
	compile_to_host_order(c, ret->insns + stub_count, (size_t)size / sizeof(*stub));
	return 0;
}

/* TSYNC would be about threads that are not there; WAIT_KILLABLE_RECV is about the listener that
 * is refused, and the kernel does not take it without one. */
static uint32_t compile_flags(const struct oci_seccomp *p)
{
	const uint32_t possible = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
				  SECCOMP_FILTER_FLAG_TSYNC;

	return p->has_flags ? p->flags & possible : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
}

int seccomp_compile(const struct oci_seccomp *profile, const char *arch, struct guest_seccomp *ret,
		    struct err *e)
{
	struct guest_seccomp program = {.flags = compile_flags(profile)};
	struct compile c = {.profile = profile};
	uint32_t default_action =
		compile_action(profile->default_action, &profile->default_errno_ret);
	int r = compile_check(profile, e);

	if (r < 0)
		return r;
	c.filter = seccomp_init(default_action);
	if (!c.filter)
		return err_set(e, -EINVAL, "linux.seccomp.defaultAction: libseccomp refuses '%s'",
			       oci_name_of(&oci_seccomp_actions, profile->default_action));
	r = compile_filter(&c, arch, default_action, e);
	if (!r)
		r = compile_export(&c, &program, e);
	seccomp_release(c.filter);
	if (!r)
		*ret = program;
	return r;
}
