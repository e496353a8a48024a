/* The container description: what is encoded is decoded, field by field; nothing else is accepted.
 */
#include "lib/guest.h"
#include "tests/unit/tap.h"

#include <errno.h>

static const char *args[] = {"sh", "-c", "echo \"a b\"", ""};
static const char *env[] = {"PATH=/bin", "EMPTY="};
static const char *masked[] = {"/proc/kcore"};
static const char *readonly[] = {"/proc/sys", "/proc/bus"};
static uint32_t groups[] = {0, 5, UINT32_MAX};
static struct guest_rlimit rlimits[] = {{7, 1024, UINT64_MAX}, {4, 0, 1}};
static struct sock_filter insns[] = {{0x20, 0, 0, 4}, {0x15, 1, 255, UINT32_MAX}, {6, 0, 0, 0}};
static struct guest_device devices[] = {{'c', "/dev/fuse", 10, 229, 0600, 7, UINT32_MAX, 4}};
static struct bpf_insn ebpf[] = {{.code = 0x61, .dst_reg = 3, .src_reg = 1, .off = -2, .imm = -1},
				 {.code = 0x55},
				 {.code = 0x55}};
static struct guest_pair files[] = {{"memory.max", "max"}, {"cpu.max", "1 2"}};
static struct guest_pair sysctls[] = {{"net/ipv4/ip_forward", "1"}};
static struct guest_id_range uids[] = {{0, 100000, 65536}, {65536, 7, 1}};
static struct guest_id_range gids[] = {{0, UINT32_MAX, 1}};
static const char *hook_args[] = {"hook", "arg"};
static const char *hook_env[] = {"A=b"};
static struct guest_hook hooks[] = {{"/bin/hook", {2, hook_args}, {1, hook_env}, 5000}};
static struct guest_mount mounts[] = {
	{.kind = GUEST_MOUNT_FS,
	 .source = "proc",
	 .destination = "/proc",
	 .type = "proc",
	 .flags = 14},
	{.kind = GUEST_MOUNT_BIND,
	 .is_file = true,
	 .source = "mounts/0",
	 .destination = "/etc/hosts",
	 .flags = 0x5000,
	 .propagation_count = 2,
	 .propagations = {1 << 18, 1 << 19},
	 .rec_attr_set = 1,
	 .rec_attr_clr = UINT64_MAX,
	 .submounts = {2, readonly}},
	{.kind = GUEST_MOUNT_FS,
	 .is_tmpcopyup = true,
	 .is_cow = true,
	 .source = "tmpfs",
	 .destination = "/run",
	 .type = "tmpfs",
	 .data = "mode=755,size=1k"},
	{.kind = GUEST_MOUNT_CGROUP, .destination = "/sys/fs/cgroup"},
	{.kind = GUEST_MOUNT_BIND,
	 .is_file = true,
	 .is_socket = true,
	 .source = "mounts/1",
	 .destination = "/run/a.sock"},
};
static struct guest_socket sockets[] = {{0660, 0, 997}};

static struct guest_container sample(void)
{
	struct guest_container c = {
		.id = "c1",
		.hostname = "box",
		.namespaces = 0x6e020080,
		.uid_map = {2, uids},
		.gid_map = {1, gids},
		.time_offsets = "monotonic 1 2\n",
		.has_personality = true,
		.personality = 8,
		.is_root_readonly = true,
		.is_root_cow = true,
		.is_root_disk = true,
		.root_partition = 77,
		.has_foreign_files = true,
		.root_propagation = 1 << 19,
		.clock_realtime_ns = -5,
		.seed = {1, 2, [31] = 255},
		.mount_count = sizeof(mounts) / sizeof(*mounts),
		.mounts = mounts,
		.socket_count = 1,
		.sockets = sockets,
		.masked_paths = {1, masked},
		.readonly_paths = {2, readonly},
		.seccomp = {.flags = 5, .count = 3, .insns = insns},
		.device_count = 1,
		.devices = devices,
		.device_filter = {.count = 3, .insns = ebpf, .disk_insns = {[2] = 1}},
		.cgroup_files = {.count = 2, .at = files},
		.sysctls = {.count = 1, .at = sysctls},
		.start_hook_count = 1,
		.start_hooks = hooks,
		.start_hook_state = "{}",
		.notify_path = "/run/notify/notify.sock",
		.process =
			{
				.stdio = {GUEST_STDIO_NULL, GUEST_STDIO_PIPE, GUEST_STDIO_PIPE},
				.builtin = GUEST_BUILTIN_STATS,
				.is_terminal = true,
				.rows = 0x1234,
				.columns = 0xfedc,
				.uid = 1000,
				.gid = UINT32_MAX - 1,
				.umask = 027,
				.has_caps = true,
				.no_new_privs = true,
				.has_oom_score_adj = true,
				.oom_score_adj = -998,
				.has_io_priority = true,
				.io_priority = 2 << 13 | 7,
				.has_scheduler = true,
				.scheduler = {6, -20, 99, UINT64_MAX, 1, 2, 3},
				.caps = {1, 2, 3, 4, 1ULL << 63},
				.group_count = 3,
				.groups = groups,
				.rlimit_count = 2,
				.rlimits = rlimits,
				.args = {4, args},
				.env = {2, env},
				.cwd = "/srv",
				.cgroup = "sub/group",
			},
	};

	return c;
}

static int is_same_str(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static int is_same_list(const struct guest_list *a, const struct guest_list *b)
{
	int is_same = a->count == b->count && !a->at[a->count];

	for (uint32_t i = 0; is_same && i < a->count; i++)
		is_same = is_same_str(a->at[i], b->at[i]);
	return is_same;
}

static int is_same_mount(const struct guest_mount *a, const struct guest_mount *b)
{
	return a->kind == b->kind && a->is_file == b->is_file && a->is_socket == b->is_socket &&
	       a->is_tmpcopyup == b->is_tmpcopyup && a->is_cow == b->is_cow &&
	       is_same_str(a->source, b->source) && is_same_str(a->destination, b->destination) &&
	       is_same_str(a->type, b->type) && is_same_str(a->data, b->data) &&
	       a->flags == b->flags && a->propagation_count == b->propagation_count &&
	       !memcmp(a->propagations, b->propagations, sizeof(a->propagations)) &&
	       a->rec_attr_set == b->rec_attr_set && a->rec_attr_clr == b->rec_attr_clr &&
	       is_same_list(&a->submounts, &b->submounts);
}

static void check_process(const struct guest_process *a, const struct guest_process *b)
{
	ok(!memcmp(a->stdio, b->stdio, sizeof(a->stdio)), "stdio comes back");
	ok(a->builtin == b->builtin && a->is_terminal && a->rows == b->rows &&
		   a->columns == b->columns,
	   "builtin and terminal come back");
	ok(a->uid == b->uid && a->gid == b->gid && a->umask == b->umask, "ids and umask come back");
	ok(a->has_caps && a->no_new_privs && a->has_oom_score_adj, "flags come back");
	is_int(a->oom_score_adj, b->oom_score_adj, "a negative oom score comes back");
	ok(a->has_io_priority && a->io_priority == b->io_priority && a->has_scheduler &&
		   a->scheduler.policy == 6 && a->scheduler.nice == -20 &&
		   a->scheduler.priority == 99 && a->scheduler.flags == UINT64_MAX &&
		   a->scheduler.runtime_ns == 1 && a->scheduler.deadline_ns == 2 &&
		   a->scheduler.period_ns == 3,
	   "scheduling comes back");
	ok(!memcmp(a->caps, b->caps, sizeof(a->caps)), "capabilities come back");
	ok(a->group_count == b->group_count &&
		   !memcmp(a->groups, b->groups, sizeof(*a->groups) * a->group_count),
	   "groups come back");
	ok(a->rlimit_count == 2 && a->rlimits[0].resource == 7 && a->rlimits[0].soft == 1024 &&
		   a->rlimits[0].hard == UINT64_MAX && a->rlimits[1].hard == 1,
	   "rlimits come back");
	ok(is_same_list(&a->args, &b->args), "args come back, NULL-terminated");
	ok(is_same_list(&a->env, &b->env), "env comes back, NULL-terminated");
	is_str(a->cwd, b->cwd, "cwd comes back");
	is_str(a->cgroup, b->cgroup, "the sub-cgroup comes back");
}

static void test_round_trip(void)
{
	struct guest_container c = sample();
	struct guest_container back;
	struct wire_out o = {0};
	struct wire_in in;
	int is_same = 1;

	guest_container_encode(&o, &c);
	wire_in_init(&in, o.data, o.size);
	if (!is_int(guest_container_decode(&in, &back), 0, "a description is decoded"))
		exit(done_testing());
	is_str(back.id, c.id, "id comes back");
	is_str(back.hostname, c.hostname, "hostname comes back");
	is_str(back.domainname, NULL, "no domainname stays none");
	ok(back.namespaces == c.namespaces && back.root_propagation == c.root_propagation &&
		   back.is_root_readonly && back.is_root_cow && back.is_root_disk &&
		   back.root_partition == 77 && back.has_foreign_files,
	   "namespaces and root come back");
	is_int(back.clock_realtime_ns, -5, "the clock comes back");
	ok(!memcmp(back.seed, c.seed, sizeof(c.seed)), "the seed comes back");
	is_int(back.mount_count, c.mount_count, "all mounts come back");
	for (uint32_t i = 0; i < back.mount_count; i++)
		is_same &= is_same_mount(&back.mounts[i], &c.mounts[i]);
	is_int(back.socket_count, 1, "the socket comes back");
	ok(back.sockets[0].mode == 0660 && back.sockets[0].gid == 997, "with its mode and owner");
	ok(is_same, "with all their members");
	ok(is_same_list(&back.masked_paths, &c.masked_paths) &&
		   is_same_list(&back.readonly_paths, &c.readonly_paths),
	   "masked and read-only paths come back");
	ok(back.seccomp.flags == 5 && back.seccomp.count == 3 &&
		   !memcmp(back.seccomp.insns, insns, sizeof(insns)),
	   "the seccomp filter comes back");
	ok(back.device_count == 1 && back.devices[0].type == 'c' &&
		   is_same_str(back.devices[0].path, "/dev/fuse") && back.devices[0].major == 10 &&
		   back.devices[0].minor == 229 && back.devices[0].mode == 0600 &&
		   back.devices[0].uid == 7 && back.devices[0].gid == UINT32_MAX &&
		   back.devices[0].disk == 4,
	   "devices come back");
	ok(back.device_filter.count == 3 && !memcmp(back.device_filter.insns, ebpf, sizeof(ebpf)) &&
		   back.device_filter.disk_insns[2] == 1 && !back.device_filter.disk_insns[0],
	   "the device filter comes back");
	ok(back.sysctls.count == 1 && is_same_str(back.sysctls.at[0].name, sysctls[0].name) &&
		   is_same_str(back.time_offsets, c.time_offsets) && back.has_personality &&
		   back.personality == 8,
	   "sysctls, time offsets and personality come back");
	ok(back.start_hook_count == 1 && is_same_str(back.start_hooks[0].path, "/bin/hook") &&
		   is_same_list(&back.start_hooks[0].args, &hooks[0].args) &&
		   is_same_list(&back.start_hooks[0].env, &hooks[0].env) &&
		   back.start_hooks[0].timeout_ms == 5000 &&
		   is_same_str(back.start_hook_state, "{}") &&
		   is_same_str(back.notify_path, "/run/notify/notify.sock"),
	   "hooks come back");
	ok(back.uid_map.count == 2 && !memcmp(back.uid_map.at, uids, sizeof(uids)) &&
		   back.gid_map.count == 1 && !memcmp(back.gid_map.at, gids, sizeof(gids)),
	   "id mappings come back");
	ok(back.cgroup_files.count == 2 && is_same_str(back.cgroup_files.at[1].name, "cpu.max") &&
		   is_same_str(back.cgroup_files.at[1].value, "1 2"),
	   "cgroup files come back");
	check_process(&back.process, &c.process);
	guest_container_done(&back);
	ok(!back.mounts && !back.process.args.at, "a finished description is empty");
	guest_container_done(&back);
	guest_container_done(NULL);
	wire_out_done(&o);
}

/* An exec session's payload is the process alone. */
static void test_process_alone(void)
{
	struct guest_container c = sample();
	struct guest_process back;
	struct wire_out o = {0};
	struct wire_in in;
	int is_refused = 1;

	guest_process_encode(&o, &c.process);
	wire_in_init(&in, o.data, o.size);
	if (is_int(guest_process_decode(&in, &back), 0, "a process alone is decoded")) {
		check_process(&back, &c.process);
		guest_process_done(&back);
	}
	for (size_t size = 0; size < o.size; size++) {
		wire_in_init(&in, o.data, size);
		is_refused &= guest_process_decode(&in, &back) == -EPROTO;
	}
	ok(is_refused, "every one of its %zu truncations is refused", o.size);
	wire_put_u8(&o, 0);
	wire_in_init(&in, o.data, o.size);
	is_int(guest_process_decode(&in, &back), -EPROTO, "a byte too many is refused");
	guest_process_done(NULL);
	wire_out_done(&o);
}

/* Decodes an exact copy on the heap, so that a sanitizer sees a read beyond the end. */
static int decode(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct guest_container c;
	struct wire_in in;
	int r;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	wire_in_init(&in, copy, size);
	r = guest_container_decode(&in, &c);
	if (!r)
		guest_container_done(&c);
	free(copy);
	return r;
}

static void test_truncations(void)
{
	struct guest_container c = sample();
	struct wire_out o = {0};
	int is_refused = 1;

	guest_container_encode(&o, &c);
	for (size_t size = 0; size < o.size; size++)
		is_refused &= decode(o.data, size) == -EPROTO;
	ok(is_refused, "every one of %zu truncations is refused", o.size);
	wire_put_u8(&o, 0);
	is_int(decode(o.data, o.size), -EPROTO, "a byte too many is refused");
	wire_out_done(&o);
}

/* Not all of them are errors; none may crash, hang or allocate without bounds. */
static void test_flipped_bytes(void)
{
	struct guest_container c = sample();
	struct wire_out o = {0};
	int refused = 0;

	guest_container_encode(&o, &c);
	for (size_t i = 0; i < o.size; i++) {
		o.data[i] ^= 0xff;
		refused += decode(o.data, o.size) == -EPROTO;
		o.data[i] ^= 0xff;
	}
	ok(refused > 100, "flipped bytes are survived (%d of %zu refused)", refused, o.size);
	is_int(decode(o.data, o.size), 0, "and the untouched description is good");
	wire_out_done(&o);
}

static void refuse(const struct guest_container *c, const char *name)
{
	struct wire_out o = {0};

	guest_container_encode(&o, c);
	is_int(decode(o.data, o.size), -EPROTO, name);
	wire_out_done(&o);
}

static void test_incomplete(void)
{
	const char *hole[] = {NULL};
	struct guest_mount m = {.kind = GUEST_MOUNT_COUNT, .destination = "/x"};
	struct guest_container c = sample();

	c.id = NULL;
	refuse(&c, "a description without an id is refused");
	c = sample();
	c.process.args.count = 0;
	refuse(&c, "one without arguments is refused");
	c = sample();
	c.process.cwd = NULL;
	refuse(&c, "one without a working directory is refused");
	c = sample();
	c.process.stdio[1] = GUEST_STDIO_COUNT;
	refuse(&c, "an unknown kind of stdio is refused");
	c = sample();
	c.process.builtin = GUEST_BUILTIN_COUNT;
	refuse(&c, "an unknown builtin is refused");
	c = sample();
	c.start_hook_state = NULL;
	refuse(&c, "hooks without a state are refused");
	c = sample();
	devices[0].type = 'x';
	refuse(&c, "an unknown type of device is refused");
	devices[0].type = 'c';
	devices[0].disk = GUEST_DISK_MAX + 1;
	refuse(&c, "a disk there cannot be is refused");
	devices[0].disk = 0;
	c.device_filter.disk_insns[0] = 2;
	refuse(&c, "a disk whose minor is behind the filter's end is refused");
	c.device_filter.disk_insns[0] = UINT32_MAX;
	refuse(&c, "one far behind it too");
	c = sample();
	c.seccomp.insns = calloc(BPF_MAXINSNS + 1, sizeof(*c.seccomp.insns));
	c.seccomp.count = BPF_MAXINSNS + 1;
	refuse(&c, "a filter longer than the kernel takes is refused");
	free(c.seccomp.insns);
	c = sample();
	c.process.env = (struct guest_list){1, hole};
	refuse(&c, "a NULL in a list is refused");
	c = sample();
	c.socket_count = 0;
	refuse(&c, "a socket's mount without the socket is refused");
	c = sample();
	mounts[4].is_file = false;
	refuse(&c, "a directory that is a socket is refused");
	mounts[4].is_file = true;
	c.mounts = &m;
	c.mount_count = 1;
	refuse(&c, "an unknown kind of mount is refused");
	m = (struct guest_mount){.kind = GUEST_MOUNT_FS, .type = "tmpfs"};
	refuse(&c, "a mount without a destination is refused");
}

int main(void)
{
	test_round_trip();
	test_process_alone();
	test_truncations();
	test_flipped_bytes();
	test_incomplete();
	return done_testing();
}
