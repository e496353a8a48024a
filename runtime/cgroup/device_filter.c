/* Device rules as an eBPF program. Must not know which devices exist.
 *
 * Later rules override earlier ones, bit by bit: so the program walks from the last rule to the
 * first with the set of accesses that are still undecided. An allowing rule takes its bits out of
 * the set, a denying one that meets a bit ends it, and what is left at the end is denied. */
#include "runtime/cgroup/cgroup.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>

#include "lib/mem.h"

#define FILTER_INSNS_PER_RULE 8
#define FILTER_INSNS_PER_DISK 9
#define FILTER_INSNS_FIXED    8
#define FILTER_INSNS_MAX      4096 /* BPF_MAXINSNS: what every kernel takes */
#define FILTER_ALL_ACCESS     (OCI_DEVICE_READ | OCI_DEVICE_WRITE | OCI_DEVICE_MKNOD)

enum {
	REG_RESULT = 0,
	REG_CONTEXT = 1,
	REG_TYPE = 2,
	REG_LEFT = 3,
	REG_MAJOR = 4,
	REG_MINOR = 5,
	REG_SCRATCH = 6
};

/* What runc allows in every container (its AllowedDevices), after the rules of config.json. */
static const struct oci_device_rule filter_defaults[] = {
	{true, 'c', OCI_DEVICE_ANY, OCI_DEVICE_ANY, OCI_DEVICE_MKNOD},
	{true, 'b', OCI_DEVICE_ANY, OCI_DEVICE_ANY, OCI_DEVICE_MKNOD},
	{true, 'c', 1, 3, FILTER_ALL_ACCESS},		     /* null */
	{true, 'c', 1, 8, FILTER_ALL_ACCESS},		     /* random */
	{true, 'c', 1, 7, FILTER_ALL_ACCESS},		     /* full */
	{true, 'c', 5, 0, FILTER_ALL_ACCESS},		     /* tty */
	{true, 'c', 1, 5, FILTER_ALL_ACCESS},		     /* zero */
	{true, 'c', 1, 9, FILTER_ALL_ACCESS},		     /* urandom */
	{true, 'c', 136, OCI_DEVICE_ANY, FILTER_ALL_ACCESS}, /* pts */
	{true, 'c', 5, 2, FILTER_ALL_ACCESS},		     /* ptmx */
	{true, 'c', 10, 200, FILTER_ALL_ACCESS},	     /* net/tun */
};

struct filter {
	uint32_t count;
	struct bpf_insn *at;
};

static struct bpf_insn *filter_add(struct filter *f, uint8_t code, uint8_t dst, uint8_t src,
				   int32_t imm)
{
	struct bpf_insn *insn = &f->at[f->count++];

	*insn = (struct bpf_insn){.code = code, .imm = imm};
	insn->dst_reg = dst & 0xf;
	insn->src_reg = src & 0xf;
	return insn;
}

static void filter_load(struct filter *f, uint8_t reg, size_t offset)
{
	filter_add(f, BPF_LDX | BPF_W | BPF_MEM, reg, REG_CONTEXT, 0)->off = (int16_t)offset;
}

static void filter_begin(struct filter *f)
{
	/* access_type: the type in the low half, the accesses in the high one */
	filter_load(f, REG_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	filter_add(f, BPF_ALU | BPF_MOV | BPF_X, REG_LEFT, REG_TYPE, 0);
	filter_add(f, BPF_ALU | BPF_AND | BPF_K, REG_TYPE, 0, 0xffff);
	filter_add(f, BPF_ALU | BPF_RSH | BPF_K, REG_LEFT, 0, 16);
	filter_load(f, REG_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	filter_load(f, REG_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

static void filter_return(struct filter *f, bool is_allowed)
{
	filter_add(f, BPF_ALU | BPF_MOV | BPF_K, REG_RESULT, 0, is_allowed);
	filter_add(f, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

static int32_t filter_access(uint32_t access)
{
	return (access & OCI_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & OCI_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & OCI_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static void filter_add_rule(struct filter *f, const struct oci_device_rule *rule)
{
	uint32_t begin = f->count;
	uint32_t match;

	if (rule->type != 'a')
		filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_TYPE, 0,
			   rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->type != 'a' && rule->major != OCI_DEVICE_ANY)
		filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_MAJOR, 0, (int32_t)rule->major);
	if (rule->type != 'a' && rule->minor != OCI_DEVICE_ANY)
		filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_MINOR, 0, (int32_t)rule->minor);
	match = f->count;
	if (rule->allow) {
		filter_add(f, BPF_ALU | BPF_AND | BPF_K, REG_LEFT, 0, ~filter_access(rule->access));
		filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_LEFT, 0, 0)->off = 2;
	} else {
		filter_add(f, BPF_ALU | BPF_MOV | BPF_X, REG_SCRATCH, REG_LEFT, 0);
		filter_add(f, BPF_ALU | BPF_AND | BPF_K, REG_SCRATCH, 0,
			   filter_access(rule->access));
		filter_add(f, BPF_JMP | BPF_JEQ | BPF_K, REG_SCRATCH, 0, 0)->off = 2;
	}
	filter_return(f, rule->allow);
	for (uint32_t i = begin; i < match; i++)
		f->at[i].off = (int16_t)(f->count - i - 1);
}

static bool filter_matches(const struct oci_device_rule *rule, char type, int64_t major,
			   int64_t minor)
{
	return rule->type == 'a' ||
	       (rule->type == type && (rule->major == OCI_DEVICE_ANY || rule->major == major) &&
		(rule->minor == OCI_DEVICE_ANY || rule->minor == minor));
}

uint32_t cgroup_device_access(const struct oci_resources *r, char type, int64_t major,
			      int64_t minor)
{
	const size_t default_count = sizeof(filter_defaults) / sizeof(*filter_defaults);
	size_t rule_count = r ? r->device_count : 0;
	uint32_t access = 0;

	for (size_t i = 0; i < rule_count + default_count; i++) {
		const struct oci_device_rule *rule =
			i < rule_count ? &r->devices[i] : &filter_defaults[i - rule_count];

		if (filter_matches(rule, type, major, minor))
			access = rule->allow ? access | rule->access : access & ~rule->access;
	}
	return access;
}

/* Decides alone, with the guest's numbers in place of the zeros. */
static void filter_add_disk(struct filter *f, uint32_t access, uint32_t *ret_insn)
{
	filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_TYPE, 0, BPF_DEVCG_DEV_BLOCK)->off = 8;
	*ret_insn = f->count;
	filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_MAJOR, 0, 0)->off = 7;
	filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_MINOR, 0, 0)->off = 6;
	filter_add(f, BPF_ALU | BPF_AND | BPF_K, REG_LEFT, 0, ~filter_access(access));
	filter_add(f, BPF_JMP | BPF_JNE | BPF_K, REG_LEFT, 0, 0)->off = 2;
	filter_return(f, true);
	filter_return(f, false);
}

/* The last rule for everything: nothing before it counts. */
static size_t filter_first_that_counts(const struct oci_resources *r)
{
	for (size_t i = r ? r->device_count : 0; i > 0; i--) {
		const struct oci_device_rule *rule = &r->devices[i - 1];

		if (rule->type == 'a' && rule->access == FILTER_ALL_ACCESS)
			return i - 1;
	}
	return 0;
}

static bool filter_is_allow_all(const struct oci_resources *r, size_t first)
{
	return r && r->device_count && first == r->device_count - 1 && r->devices[first].allow &&
	       r->devices[first].type == 'a' && r->devices[first].access == FILTER_ALL_ACCESS;
}

int cgroup_device_filter_build(const struct oci_resources *r, const struct cgroup_disk *disks,
			       size_t disk_count, struct cgroup_device_filter *ret, struct err *e)
{
	const size_t default_count = sizeof(filter_defaults) / sizeof(*filter_defaults);
	size_t first = filter_first_that_counts(r);
	size_t rule_count = (r ? r->device_count - first : 0) + default_count;
	struct filter f = {0};

	*ret = (struct cgroup_device_filter){.is_allow_all = filter_is_allow_all(r, first)};
	if (ret->is_allow_all)
		return 0;
	if (rule_count > (FILTER_INSNS_MAX - FILTER_INSNS_FIXED) / FILTER_INSNS_PER_RULE)
		return err_set(e, -E2BIG, "linux.resources.devices: more than %d rules",
			       (FILTER_INSNS_MAX - FILTER_INSNS_FIXED) / FILTER_INSNS_PER_RULE);
	f.at = xcalloc(rule_count * FILTER_INSNS_PER_RULE + disk_count * FILTER_INSNS_PER_DISK +
			       FILTER_INSNS_FIXED,
		       sizeof(*f.at));
	filter_begin(&f);
	for (size_t i = 0; i < disk_count; i++)
		filter_add_disk(&f, cgroup_device_access(r, 'b', disks[i].major, disks[i].minor),
				&ret->disk_insns[i]);
	for (size_t i = default_count; i > 0; i--)
		filter_add_rule(&f, &filter_defaults[i - 1]);
	for (size_t i = r ? r->device_count : 0; i > first; i--)
		filter_add_rule(&f, &r->devices[i - 1]);
	filter_return(&f, false);
	ret->count = f.count;
	ret->insns = f.at;
	return 0;
}
