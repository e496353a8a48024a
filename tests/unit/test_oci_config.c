/* Good configs and the structs they become: every member of the specification once, the samples of
 * real engines, absence and null. Run from the top of the tree. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/oci/config.h"
#include "tests/unit/tap.h"

#ifndef TEST_DATA
#define TEST_DATA "tests/unit"
#endif

#define IS_INT(expression, want) is_int((long long)(expression), (long long)(want), #expression)
#define IS_STR(expression, want) is_str(expression, want, #expression)
#define IS_OPT(option, want)                                                                       \
	do {                                                                                       \
		ok((option).has, "%s is there", #option);                                          \
		ok((option).value == (want), "%s is %s", #option, #want);                          \
	} while (0)

static struct oci_config *load(const char *file)
{
	auto_free char *path = xasprintf(TEST_DATA "/data-oci/%s", file);
	struct oci_config *config = NULL;
	struct err e = {""};

	if (!ok(!oci_config_load(path, &config, &e), "%s loads: %s", file, e.text))
		exit(done_testing());
	ok(!oci_config_check(config, &e), "%s passes the check: %s", file, e.text);
	return config;
}

static void test_process(const struct oci_process *p)
{
	ok(p->terminal && p->no_new_privileges && p->has_console_size, "booleans are set");
	IS_INT(p->console_height, 25);
	IS_INT(p->console_width, 80);
	IS_INT(p->user.uid, 1);
	IS_INT(p->user.gid, 4294967295);
	ok(p->user.has_umask, "has an umask");
	IS_INT(p->user.umask, 022);
	IS_INT(p->user.additional_gid_count, 2);
	IS_INT(p->user.additional_gids[1], 6);
	IS_INT(p->args.count, 3);
	IS_STR(p->args.at[1], "");
	IS_STR(p->args.at[2], "\xc3\xbc\xf0\x9f\x98\x80");
	IS_INT(p->env.count, 3);
	IS_STR(p->env.at[2], "odd");
	IS_STR(p->cwd, "/srv");
	ok(p->has_capabilities, "has capabilities");
	ok(p->caps[OCI_CAP_BOUNDING] == (1ull << CAP_CHOWN | 1ull << CAP_CHECKPOINT_RESTORE),
	   "bounding set");
	ok(p->caps[OCI_CAP_EFFECTIVE] == 1ull << CAP_NET_RAW, "effective set");
	ok(p->caps[OCI_CAP_PERMITTED] == 1ull << CAP_KILL, "permitted set");
	ok(p->caps[OCI_CAP_INHERITABLE] == 0, "inheritable set");
	ok(p->caps[OCI_CAP_AMBIENT] == 1ull << CAP_SYS_ADMIN, "ambient set");
	IS_INT(p->rlimit_count, 2);
	IS_INT(p->rlimits[0].resource, RLIMIT_NOFILE);
	IS_INT(p->rlimits[0].soft, 1024);
	ok(p->rlimits[0].hard == UINT64_MAX, "2^64-1 is exact");
	IS_INT(p->rlimits[1].resource, RLIMIT_CORE);
	IS_STR(p->apparmor_profile, "acme_secure_profile");
	IS_STR(p->selinux_label, "system_u:system_r:svirt_lxc_net_t:s0:c124,c675");
	ok(p->has_oom_score_adj, "has oomScoreAdj");
	IS_INT(p->oom_score_adj, -1000);
}

static void test_process_scheduling(const struct oci_process *p)
{
	IS_INT(p->scheduler->policy, SCHED_DEADLINE);
	IS_INT(p->scheduler->nice, -20);
	IS_INT(p->scheduler->flags, SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_RECLAIM);
	IS_INT(p->scheduler->runtime_ns, 10000000);
	IS_INT(p->scheduler->deadline_ns, 20000000);
	IS_INT(p->scheduler->period_ns, 30000000);
	ok(p->has_io_priority, "has ioPriority");
	IS_INT(p->io_class, IOPRIO_CLASS_IDLE);
	IS_INT(p->io_priority, 4);
	IS_STR(p->exec_affinity_initial, "7");
	IS_STR(p->exec_affinity_final, "0-3,7");
}

static void test_top(const struct oci_config *c)
{
	IS_STR(c->oci_version, "1.2.1");
	ok(c->has_root && c->root.readonly, "has a readonly root");
	IS_STR(c->root.path, "rootfs");
	IS_STR(c->hostname, "slartibartfast");
	IS_STR(c->domainname, "foobarbaz.test");
	IS_INT(c->mount_count, 2);
	IS_STR(c->mounts[0].type, "proc");
	IS_INT(c->mounts[0].options.count, 0);
	IS_STR(c->mounts[1].destination, "data");
	IS_STR(c->mounts[1].source, "/volumes/testing");
	IS_STR(c->mounts[1].options.at[0], "rbind");
	IS_INT(c->mounts[1].uid_mappings.at[0].host_id, 1000);
	IS_INT(c->mounts[1].gid_mappings.at[0].size, 32000);
	IS_INT(c->annotations.count, 3);
	IS_STR(c->annotations.at[0].key, "com.example.z");
	IS_STR(oci_config_annotation(c, "com.example.a"), "");
	IS_STR(oci_config_annotation(c, "k\"ey"), "v");
	IS_STR(oci_config_annotation(c, "com.example"), NULL);
	IS_INT(c->warnings.count, 4);
	IS_STR(c->warnings.at[0], "ignoring unknown or unavailable capability 'CAP_FUTURE'");
	IS_STR(c->warnings.at[1],
	       "mount destination 'data' is not absolute: taken as relative to /");
	IS_STR(c->warnings.at[2], "ignoring unknown namespace type 'quantum'");
	IS_STR(c->warnings.at[3], "ignoring unsupported personality flags");
}

static void test_hooks(const struct oci_config *c)
{
	const struct oci_hook *hook = c->hooks[OCI_HOOK_PRESTART].at;

	IS_INT(c->hooks[OCI_HOOK_PRESTART].count, 2);
	IS_STR(hook->path, "/usr/bin/fix-mounts");
	IS_STR(hook->args.at[0], "fix-mounts");
	IS_STR(hook->env.at[0], "key1=value1");
	ok(hook->has_env && hook->has_timeout && hook->timeout_s == 30, "env and timeout");
	ok(!hook[1].has_env && !hook[1].has_timeout && !hook[1].args.count, "absent members");
	hook = c->hooks[OCI_HOOK_CREATE_RUNTIME].at;
	ok(hook->has_env && !hook->env.count, "an empty environment is not an inherited one");
	IS_STR(c->hooks[OCI_HOOK_CREATE_CONTAINER].at->path, "/usr/bin/b");
	IS_STR(c->hooks[OCI_HOOK_START_CONTAINER].at->path, "/usr/bin/c");
	IS_INT(c->hooks[OCI_HOOK_POSTSTART].at->timeout_s, 5);
	IS_STR(c->hooks[OCI_HOOK_POSTSTOP].at->args.at[1], "-f");
}

static void test_resources(const struct oci_resources *r)
{
	IS_INT(r->device_count, 3);
	ok(!r->devices[0].allow && r->devices[0].type == 'a', "the first rule denies all");
	IS_INT(r->devices[0].access, OCI_DEVICE_READ | OCI_DEVICE_WRITE | OCI_DEVICE_MKNOD);
	IS_INT(r->devices[0].major, OCI_DEVICE_ANY);
	ok(r->devices[1].allow && r->devices[1].type == 'c', "the second allows a c device");
	IS_INT(r->devices[1].minor, 229);
	IS_INT(r->devices[1].access, OCI_DEVICE_READ | OCI_DEVICE_WRITE);
	IS_INT(r->devices[2].minor, OCI_DEVICE_ANY);
	IS_OPT(r->memory.limit, 536870912);
	IS_OPT(r->memory.reservation, -1);
	IS_OPT(r->memory.swap, INT64_MAX);
	IS_OPT(r->memory.kernel, -1);
	IS_OPT(r->memory.kernel_tcp, 0);
	IS_OPT(r->memory.swappiness, UINT64_MAX);
	IS_OPT(r->memory.disable_oom_killer, false);
	IS_OPT(r->memory.use_hierarchy, true);
	IS_OPT(r->memory.check_before_update, true);
	IS_OPT(r->cpu.shares, 0);
	IS_OPT(r->cpu.quota_us, 1000000);
	IS_OPT(r->cpu.burst_us, 1000001);
	IS_OPT(r->cpu.period_us, 500000);
	IS_OPT(r->cpu.realtime_runtime_us, 950000);
	IS_OPT(r->cpu.realtime_period_us, 1000000);
	IS_OPT(r->cpu.idle, 0);
	IS_STR(r->cpu.cpus, "2-3");
	IS_STR(r->cpu.mems, "0-7");
	IS_OPT(r->pids_limit, 32771);
}

static void test_other_resources(const struct oci_resources *r)
{
	static const int minors[OCI_THROTTLE_COUNT] = {0, 1, 2, 16};
	static const int rates[OCI_THROTTLE_COUNT] = {600, 601, 602, 300};

	IS_OPT(r->block_io.weight, 10);
	IS_OPT(r->block_io.leaf_weight, 11);
	IS_INT(r->block_io.weight_device_count, 2);
	IS_OPT(r->block_io.weight_devices[0].leaf_weight, 300);
	IS_INT(r->block_io.weight_devices[1].minor, 16);
	ok(!r->block_io.weight_devices[1].leaf_weight.has, "no leafWeight in the second");
	for (int i = 0; i < OCI_THROTTLE_COUNT; i++) {
		IS_INT(r->block_io.throttle[i].count, 1);
		IS_INT(r->block_io.throttle[i].at->major, 8);
		IS_INT(r->block_io.throttle[i].at->minor, minors[i]);
		IS_INT(r->block_io.throttle[i].at->rate, rates[i]);
	}
	IS_INT(r->hugepage_limit_count, 2);
	IS_STR(r->hugepage_limits[1].page_size, "64KB");
	IS_INT(r->hugepage_limits[0].limit_bytes, 209715200);
	IS_OPT(r->net_class_id, 1048577);
	IS_INT(r->net_priority_count, 2);
	IS_STR(r->net_priorities[1].name, "eth1");
	IS_INT(r->net_priorities[1].priority, 1000);
	IS_INT(r->rdma_count, 2);
	IS_STR(r->rdma[1].device, "rxe3");
	ok(!r->rdma[1].hca_handles.has, "no hcaHandles in the second");
	IS_OPT(r->rdma[1].hca_objects, 10001);
	IS_INT(r->unified.count, 2);
	IS_STR(r->unified.at[1].key, "hugetlb.1GB.max");
	IS_STR(r->unified.at[0].value,
	       "259:0 rbps=2097152 wiops=120\n253:0 rbps=2097152 wiops=120");
}

static void test_linux(const struct oci_config *c)
{
	const struct oci_linux *l = &c->linux_;

	ok(c->has_linux, "has linux");
	IS_INT(l->uid_mappings.at[0].host_id, 1000);
	IS_INT(l->gid_mappings.at[0].container_id, 1);
	IS_INT(l->time_offset_count, 2);
	IS_STR(l->time_offsets[0].clock, "monotonic");
	IS_INT(l->time_offsets[0].nanosecs, 5);
	IS_INT(l->time_offsets[1].secs, -604800);
	IS_STR(l->sysctl.at[1].key, "net/core/somaxconn");
	IS_STR(l->sysctl.at[1].value, "256");
	IS_STR(l->cgroups_path, "/myRuntime/myContainer");
	IS_INT(l->namespace_count, 9);
	IS_STR(oci_config_namespace(c, OCI_NS_PID)->path, "/proc/1234/ns/pid");
	IS_STR(oci_config_namespace(c, OCI_NS_TIME)->path, NULL);
	IS_INT(l->namespaces[8].type, OCI_NS_UNKNOWN);
	IS_STR(l->namespaces[8].name, "quantum");
	IS_INT(l->device_count, 4);
	IS_OPT(l->devices[0].file_mode, 0666);
	IS_OPT(l->devices[0].uid, 0);
	ok(!l->devices[1].file_mode.has && !l->devices[1].gid.has, "absent device members");
	IS_INT(l->devices[2].type, 'p');
	IS_INT(l->devices[3].type, 'c');
	IS_STR(l->net_devices[0].host_name, "eth0");
	IS_STR(l->net_devices[0].name, "container_eth0");
	IS_STR(l->net_devices[1].name, NULL);
	IS_INT(l->rootfs_propagation, MS_SLAVE);
	IS_STR(l->masked_paths.at[0], "/proc/kcore");
	IS_STR(l->readonly_paths.at[0], "/proc/sys");
	IS_STR(l->mount_label, "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811");
	IS_STR(l->intel_rdt->clos_id, "guaranteed_group");
	IS_STR(l->intel_rdt->schemata.at[1], "MB:0=20;1=70");
	IS_STR(l->intel_rdt->l3_cache_schema, "L3:0=7f0");
	IS_STR(l->intel_rdt->mem_bw_schema, "MB:0=20");
	ok(l->intel_rdt->enable_cmt && l->intel_rdt->enable_mbm && l->intel_rdt->enable_monitoring,
	   "intelRdt's booleans");
	ok(l->has_personality && l->personality == PER_LINUX32, "personality");
	IS_INT(l->memory_policy->mode, MPOL_INTERLEAVE);
	IS_INT(l->memory_policy->flags, MPOL_F_STATIC_NODES);
	IS_STR(l->memory_policy->nodes, "0-1");
}

static void test_seccomp(const struct oci_seccomp *s)
{
	IS_INT(s->default_action, OCI_SECCOMP_ERRNO);
	IS_OPT(s->default_errno_ret, 38);
	IS_INT(s->arch_count, 2);
	IS_INT(s->archs[0], SCMP_ARCH_X86_64);
	IS_INT(s->archs[1], SCMP_ARCH_X32);
	ok(s->has_flags, "has flags");
	IS_INT(s->flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC);
	IS_STR(s->listener_path, "/run/agent.sock");
	IS_STR(s->listener_metadata, "opaque");
	IS_INT(s->rule_count, 3);
	IS_STR(s->rules[0].names.at[1], "chmod");
	IS_INT(s->rules[0].action, OCI_SECCOMP_ALLOW);
	ok(!s->rules[0].errno_ret.has && !s->rules[0].args, "absent rule members");
	IS_OPT(s->rules[1].errno_ret, 7);
	IS_INT(s->rules[1].args[0].index, 5);
	ok(s->rules[1].args[0].value == UINT64_MAX, "a 64-bit argument is exact");
	IS_INT(s->rules[1].args[0].value_two, 2);
	IS_INT(s->rules[1].args[0].op, OCI_SECCOMP_MASKED_EQ);
	IS_INT(s->rules[2].action, OCI_SECCOMP_NOTIFY);
}

static void test_vm(const struct oci_vm *vm)
{
	IS_STR(vm->hypervisor_path, "/path/to/vmm");
	IS_STR(vm->hypervisor_parameters.at[1], "opts2=bar");
	IS_STR(vm->kernel_path, "/path/to/vmlinuz");
	IS_STR(vm->kernel_parameters.at[1], "hello world");
	IS_STR(vm->initrd_path, "/path/to/initrd.img");
	IS_STR(vm->image_path, "/path/to/vm/rootfs.img");
	IS_STR(vm->image_format, "raw");
	IS_STR(vm->device_tree_path, "/path/to/vmdt");
	IS_OPT(vm->vcpus, 2);
	IS_OPT(vm->memory_bytes, 6442450944);
	IS_STR(vm->dtdevs.at[1], "/soc/usb");
	IS_INT(vm->iomem_count, 2);
	IS_INT(vm->iomems[0].first_gfn, 16);
	IS_INT(vm->iomems[1].first_gfn, 64);
	IS_INT(vm->iomems[1].mfn_count, 1);
	IS_INT(vm->irq_count, 2);
	IS_INT(vm->irqs[1], 40);
}

static void test_absent(const char *file)
{
	struct oci_config *c = load(file);
	const struct oci_process *p = c->process;

	ok(!p->terminal && !p->has_console_size && !p->user.has_umask && !p->has_capabilities &&
		   !p->has_oom_score_adj && !p->has_io_priority && !p->scheduler && !p->env.at &&
		   !p->env.count && !p->rlimits && !p->user.uid && !p->apparmor_profile,
	   "%s: nothing in process", file);
	ok(!c->hostname && !c->mounts && !c->annotations.count && !c->vm && !c->root.readonly &&
		   !c->warnings.count,
	   "%s: nothing at the top", file);
	ok(!c->linux_.resources && !c->linux_.namespaces && !c->linux_.seccomp &&
		   !c->linux_.sysctl.count && !c->linux_.cgroups_path,
	   "%s: nothing in linux", file);
	ok(!oci_config_namespace(c, OCI_NS_PID), "%s: no namespace", file);
	ok(c->hooks[0].count == 0 && !c->hooks[0].at, "%s: no hook", file);
	oci_config_free(c);
}

/* Facts of ENGINE-CONTRACT's section 4 that parsers trip over. */
static void test_engines(void)
{
	struct oci_config *c = load("docker-limits.config.json");

	IS_OPT(c->linux_.resources->memory.limit, 67108864);
	ok(c->linux_.resources->block_io.weight.has && !c->linux_.resources->block_io.weight.value,
	   "docker's blockIO.weight 0 is there");
	IS_INT(c->hooks[OCI_HOOK_PRESTART].count, 1);
	ok(c->linux_.resources->devices[c->linux_.resources->device_count - 1].access &
		   OCI_DEVICE_READ,
	   "docker's device rules keep their order");
	oci_config_free(c);
	c = load("docker-privileged.config.json");
	ok(c->linux_.device_count > 10 && !c->linux_.seccomp, "privileged: devices, no seccomp");
	ok(c->process->caps[OCI_CAP_BOUNDING] & (1ull << CAP_SYS_ADMIN), "privileged: all caps");
	oci_config_free(c);
	c = load("docker-run-it.config.json");
	ok(c->process->terminal, "run -it has a terminal");
	ok(c->linux_.seccomp->rule_count > 3, "docker's seccomp profile has rules");
	oci_config_free(c);
	c = load("podman-run-it.config.json");
	IS_INT(c->process->user.umask, 18);
	oci_config_free(c);
	c = load("podman-userns.config.json");
	ok(oci_config_namespace(c, OCI_NS_USER) && c->linux_.uid_mappings.count,
	   "podman's user namespace has mappings");
	oci_config_free(c);
	oci_config_free(load("podman-overlay.config.json"));
	oci_config_free(load("ctr-run.config.json"));
}

static char *read_data(const char *file, size_t *ret_size)
{
	auto_free char *path = xasprintf(TEST_DATA "/data-oci/%s", file);
	char *text = NULL;

	if (!ok(!fd_read_file(AT_FDCWD, path, OCI_CONFIG_MAX_BYTES, &text, ret_size), "reading %s",
		file))
		exit(done_testing());
	return text;
}

static void test_process_document(const char *file, int want_terminal)
{
	size_t size;
	auto_free char *text = read_data(file, &size);
	struct oci_process *p = NULL;
	struct err e = {""};

	ok(!oci_process_parse(text, size, file, &p, &e) && !oci_process_check(p, &e),
	   "%s is a process: %s", file, e.text);
	ok(p && p->terminal == want_terminal && p->args.count && p->has_capabilities,
	   "%s: its members", file);
	oci_process_free(p);
}

static void test_resources_document(void)
{
	size_t size;
	auto_free char *text = read_data("docker-update.resources.json", &size);
	struct oci_resources *r = NULL;
	struct err e = {""};

	if (!ok(!oci_resources_parse(text, size, "-", &r, &e), "docker update: %s", e.text))
		return;
	IS_OPT(r->memory.limit, 67108864);
	IS_OPT(r->memory.reservation, 0);
	IS_OPT(r->cpu.quota_us, 50000);
	oci_resources_free(r);
}

static void test_load_failures(void)
{
	struct oci_config *c = NULL;
	struct err e;

	ok(oci_config_load("/nonexistent/config.json", &c, &e) == -ENOENT, "a missing file");
	is_str(e.text, "JSON specification file /nonexistent/config.json not found",
	       "... is reported in runc's words");
	ok(oci_config_load("/", &c, &e) == -EISDIR && !c, "a directory is no config");
	is_str(e.text, "/: is no regular file", "... and says so without errno's words");
	oci_config_free(NULL);
	oci_process_free(NULL);
	oci_resources_free(NULL);
}

static void test_too_large(void)
{
	auto_close int fd = memfd_create("large", MFD_CLOEXEC);
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	struct oci_config *c = NULL;
	struct err e = {""};

	if (!ok(fd >= 0 && !ftruncate(fd, OCI_CONFIG_MAX_BYTES + 1), "a large file"))
		return;
	is_int(oci_config_load(path, &c, &e), -EFBIG, "is refused before it is parsed");
	ok(strstr(e.text, ": larger than 16 MiB") != NULL, "... %s", e.text);
	ok(!ftruncate(fd, OCI_CONFIG_MAX_BYTES) && oci_config_load(path, &c, &e) == -EINVAL,
	   "the largest one is parsed: %s", e.text);
}

int main(void)
{
	struct oci_config *full = load("full.config.json");

	test_top(full);
	test_process(full->process);
	test_process_scheduling(full->process);
	test_hooks(full);
	test_linux(full);
	test_resources(full->linux_.resources);
	test_other_resources(full->linux_.resources);
	test_seccomp(full->linux_.seccomp);
	test_vm(full->vm);
	oci_config_free(full);
	test_absent("minimal.config.json");
	test_absent("null.config.json");
	test_engines();
	test_process_document("docker-exec-it.process.json", 1);
	test_process_document("podman-exec.process.json", 0);
	test_resources_document();
	test_load_failures();
	test_too_large();
	return done_testing();
}
