/* QEMU's arguments from plans: golden files for both accelerators, refusals, every architecture;
 * and the accelerator's choice. Pure: nothing is started. */
#include "runtime/vm/facts.h"
#include "runtime/vm/vm.h"
#include "lib/fd.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

static struct vm_plan sample(void)
{
	struct vm_plan p = {
		.name = "web,1",
		.arch = "amd64",
		.qemu = "/usr/bin/qemu-system-x86_64",
		.kernel = "/usr/lib/vmrt/x86_64/vmlinux",
		.initramfs = "/usr/lib/vmrt/initramfs-x86_64.cpio",
		.accel = VM_ACCEL_TCG,
		.tsc_khz = 2596138,
		.is_own_kernel = true,
		.memory_mib = 1024,
		.vcpus = 2,
		.share_socket_fd = 10,
		.share_tag = "vmrt",
		.console_fd = 11,
		.ports = {{.name = "vmrt.control", .socket_fd = 12},
			  {.name = "vmrt.0.stdin",
			   .socket_fd = -1,
			   .pipe_path = "/run/vmrt/a,b/stdin"}},
		.port_count = 2,
		.nics = {{.queue_count = 1,
			  .tap_fd = 14,
			  .socket_fd = -1,
			  .vhost_fd = -1,
			  .mac = {2, 0x76, 0x6d, 0x72, 0x74, 0}},
			 {.queue_count = 1,
			  .tap_fd = 15,
			  .socket_fd = -1,
			  .vhost_fd = 16,
			  .mac = {2, 0x76, 0x6d, 0x72, 0x74, 1}}},
		.nic_count = 2,
		.qmp_fd = 13,
		.gdb_fd = -1,
	};

	return p;
}

static void is_golden(const struct vm_plan *p, const char *name)
{
	char path[200];
	char got[16384] = "";
	char *want = NULL;
	size_t at = 0;
	struct strv v = {0};
	struct err e = {{0}};

	is_int(vm_qemu_argv(p, &v, &e), 0, name);
	for (size_t i = 0; i < v.count; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s\n", v.at[i]);
	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (fd_read_file(AT_FDCWD, path, sizeof(got), &want, NULL) < 0)
		want = NULL;
	is_str(got, want, "  is the golden file");
	free(want);
	strv_done(&v);
}

/* The argument after `option` whose text contains `part`; NULL if there is none. */
static const char *argument(const struct vm_plan *p, const char *option, const char *part)
{
	static char text[8192];
	struct strv v = {0};
	struct err e = {{0}};
	const char *found = NULL;

	if (vm_qemu_argv(p, &v, &e) < 0) {
		printf("# %s\n", e.text);
		return NULL;
	}
	for (size_t i = 0; i + 1 < v.count && !found; i++) {
		if (!strcmp(v.at[i], option) && strstr(v.at[i + 1], part)) {
			snprintf(text, sizeof(text), "%s", v.at[i + 1]);
			found = text;
		}
	}
	strv_done(&v);
	return found;
}

static void test_golden(void)
{
	struct vm_plan p = sample();

	is_golden(&p, "qemu-amd64-tcg.txt");
	p.accel = VM_ACCEL_KVM;
	is_golden(&p, "qemu-amd64-kvm.txt");
	p = sample();
	p.arch = "s390x";
	p.qemu = "/usr/bin/qemu-system-s390x";
	p.is_own_kernel = false;
	p.console_fd = p.qmp_fd = p.share_socket_fd = -1;
	p.port_count = 1;
	p.nic_count = 1;
	p.nics[0].tap_fd = -1;
	p.append = "foo=1";
	is_golden(&p, "qemu-s390x-tcg.txt");
	p = sample();
	p.machine = "q35";
	p.is_own_kernel = false;
	p.nic_count = 1;
	is_golden(&p, "qemu-amd64-q35-tcg.txt");
	p = sample();
	p.nics[1].queue_count = 3;
	ok(!!argument(&p, "-netdev", "tap,id=n1,fds=15:16:17,vhost=on,vhostfds=16:17:18") &&
		   strstr(argument(&p, "-device", "virtio-net-device,netdev=n1"), ",mq=on"),
	   "queues of a NIC have their descriptors");
	p.arch = "ppc64le";
	ok(!!strstr(argument(&p, "-device", "virtio-net-pci,netdev=n1"), ",mq=on,vectors=8"),
	   "and their interrupts, where the bus has them");
	p.nics[0].tap_fd = -1;
	p.nics[0].is_ipv4_only = true;
	ok(!!argument(&p, "-netdev", "user,id=n0,ipv6=off"), "a user-mode network without IPv6");
	p.nics[0].socket_fd = 17;
	ok(!!argument(&p, "-netdev", "socket,id=n0,fd=17"), "passt's");
}

static void test_template(void)
{
	struct vm_plan p = sample();

	p.nics[1].vhost_fd = -1;
	p.ports[1].pipe_path = NULL;
	p.ports[1].socket_fd = 17;
	p.origin = VM_TEMPLATE;
	p.ram_path = "/memory/ram";
	is_golden(&p, "qemu-amd64-template.txt");
	p.ports[1].pipe_path = "/ports/stdin";
	p.ports[1].socket_fd = -1;
	p.origin = VM_RESTORED;
	is_golden(&p, "qemu-amd64-restored.txt");
	p.ram_path = NULL;
	ok(argument(&p, "-object", "") == NULL, "it needs a place for its memory");
	p = sample();
	ok(vm_can_be_template(&p), "the usual machine can be a template");
	p.accel = VM_ACCEL_KVM;
	ok(!vm_can_be_template(&p), "not under KVM");
	p = sample();
	p.machine = "q35";
	ok(!vm_can_be_template(&p), "not another machine");
	p = sample();
	p.is_own_kernel = false;
	ok(!vm_can_be_template(&p), "not with another kernel");
	p = sample();
	p.disk_count = 1;
	ok(!vm_can_be_template(&p), "not with disks");
	p = sample();
	p.gdb_fd = 20;
	ok(!vm_can_be_template(&p), "not for a debugger");
	p = sample();
	p.extra_count = 1;
	ok(!vm_can_be_template(&p), "not with arguments of somebody else's");
	p = sample();
	p.nic_count = VM_TEMPLATE_NIC_MAX + 1;
	ok(!vm_can_be_template(&p), "not with more NICs than leave slots");
}

static void test_gdb(void)
{
	struct vm_plan p = sample();

	p.gdb_fd = 20;
	is_str(argument(&p, "-chardev", "id=gdb"), "socket,id=gdb,fd=20,server=on,wait=off",
	       "a debugger's socket");
	is_str(argument(&p, "-gdb", ""), "chardev:gdb", "QEMU listens at it");
}

static void test_disks(void)
{
	struct vm_plan p = sample();

	p.disks[0] = (struct vm_disk){.fd = 20, .is_writable = true, .serial = "vmrt-1"};
	p.disks[1] = (struct vm_disk){.fd = 21, .serial = "vmrt-3"};
	p.disk_count = 2;
	is_str(argument(&p, "-add-fd", "set=2"), "fd=21,set=2", "a disk is a descriptor");
	is_str(argument(&p, "-blockdev", "d1"),
	       "driver=host_device,node-name=d1,filename=/dev/fdset/1,locking=off,discard=unmap,"
	       "read-only=off",
	       "it is written where that is allowed");
	ok(argument(&p, "-blockdev", "/dev/fdset/2,locking=off,discard=unmap,read-only=on") != NULL,
	   "and else read-only");
	is_str(argument(&p, "-device", "drive=d2"), "virtio-blk-device,drive=d2,serial=vmrt-3",
	       "the guest knows it by its serial");
	p.disk_count = VM_DISK_MAX + 1;
	ok(argument(&p, "-add-fd", "") == NULL, "too many are refused");
}

static void test_command_line(void)
{
	struct vm_plan p = sample();
	const char *text = argument(&p, "-append", "");

	ok(text && strstr(text, "virtiofs.cpu_rewrite=1") && !strstr(text, "init_on_alloc"),
	   "TCG has our kernel's cure for stale translations");
	ok(text && strstr(text, "lpj=25961380"), "and the delay loop's length");
	ok(text && !strstr(text, "inodes_max"), "it may know as many files as it likes");
	p.inodes_max = 500;
	text = argument(&p, "-append", "");
	ok(text && strstr(text, " fuse.inodes_max=500"), "unless there is a limit");
	p.is_own_kernel = false;
	text = argument(&p, "-append", "");
	ok(text && !strstr(text, "lpj="), "a foreign kernel's HZ is not known");
	ok(text && strstr(text, "init_on_alloc=1") && !strstr(text, "cpu_rewrite") &&
		   !strstr(text, "keep_initmem") && !strstr(text, "pvpanic"),
	   "a foreign kernel has the one that every kernel knows");
	p.tsc_khz = 0;
	text = argument(&p, "-append", "");
	ok(text && !strstr(text, "tsc"), "an unknown counter rate is not told");
	p = sample();
	p.accel = VM_ACCEL_KVM;
	text = argument(&p, "-append", "");
	ok(text && !strstr(text, "init_on_alloc") && !strstr(text, "tsc") &&
		   !strstr(text, "rodata=off"),
	   "KVM has none of TCG's words");
	ok(text && strstr(text, "panic=-1") && strstr(text, "reboot=t") && strstr(text, "quiet"),
	   "but those of every VM");
}

/* One fact in two places, of which one is not C: they must agree. */
static void test_kernel_hz(void)
{
	char line[64];
	char *text = NULL;

	snprintf(line, sizeof(line), "\nCONFIG_HZ_%d=y\n", VM_KERNEL_HZ);
	is_int(fd_read_file(AT_FDCWD, "kernel-config/base.config", 65536, &text, NULL), 0,
	       "the kernel's configuration");
	ok(text && strstr(text, line), "has the HZ that lpj= is made for");
	free(text);
}

static void test_refusals(void)
{
	struct vm_plan p = sample();
	struct strv v = {0};
	struct err e = {{0}};
	char big[VM_APPEND_MAX + 1];

	p.arch = "vax";
	is_int(vm_qemu_argv(&p, &v, &e), -EINVAL, "an unknown architecture is refused");
	is_str(e.text, "qemu: no machine for architecture 'vax'", "by name");
	p = sample();
	p.port_count = VM_PORT_MAX + 1;
	is_int(vm_qemu_argv(&p, &v, &e), -E2BIG, "more ports than the bus has are refused");
	p = sample();
	p.ports[1].name = "a,b";
	is_int(vm_qemu_argv(&p, &v, &e), -EINVAL, "so is a port name that would become options");
	p = sample();
	p.ports[1].pipe_path = NULL;
	is_int(vm_qemu_argv(&p, &v, &e), -EINVAL, "a pipe without a path");
	p = sample();
	p.nic_count = VM_NIC_MAX + 1;
	is_int(vm_qemu_argv(&p, &v, &e), -E2BIG, "more NICs than there is room for");
	p = sample();
	p.memory_mib = 8;
	is_int(vm_qemu_argv(&p, &v, &e), -EINVAL, "too little memory");
	p = sample();
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	p.append = big;
	is_int(vm_qemu_argv(&p, &v, &e), -E2BIG, "a command line that would be cut");
	ok(!v.at && !v.count, "a refusal leaves no arguments");
}

static void test_architectures(void)
{
	static const char *const names[] = {"amd64", "arm64", "arm", "riscv64", "s390x", "ppc64le"};
	struct vm_plan p = sample();
	char path[PATH_MAX];
	struct err e = {{0}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		p.arch = names[i];
		ok(argument(&p, "-device", "vhost-user-fs-") &&
			   argument(&p, "-device", "virtio-net-") &&
			   argument(&p, "-append", "panic=-1"),
		   "%s has a machine", names[i]);
	}
	ok(vm_arch_find(vm_arch_host(), NULL) != NULL, "this host's architecture is known");
	is_int(vm_qemu_find(vm_arch_find("amd64", NULL), "/nonexistent/qemu", path, &e), -ENOENT,
	       "a missing QEMU is an error");
	is_str(e.text, "qemu: '/nonexistent/qemu': not found",
	       "in words that engines do not take for the user's program");
	is_int(vm_qemu_find(vm_arch_find("amd64", NULL), "/etc/passwd", path, &e), -EACCES,
	       "so is a file that is no program");
}

static void test_accel(void)
{
	struct host_facts f = {0};
	enum vm_accel accel = VM_ACCEL_COUNT;
	enum accel_wish wish = ACCEL_WISH_COUNT;
	const char *other = strcmp(vm_arch_host(), "s390x") != 0 ? "s390x" : "amd64";
	const char *reason = NULL;
	struct err e = {{0}};

	ok(accel_wish_parse("kvm", &wish) && wish == ACCEL_WISH_KVM &&
		   !accel_wish_parse("x", &wish),
	   "wishes have names");
	f.has_kvm_answer = f.is_kvm_good = true;
	is_int(accel_choose(ACCEL_WISH_AUTO, vm_arch_host(), &f, &accel, &reason, &e), 0,
	       "auto with a good KVM");
	ok(accel == VM_ACCEL_KVM && !reason, "takes it without a word");
	is_int(accel_choose(ACCEL_WISH_AUTO, other, &f, &accel, &reason, &e), 0,
	       "auto for another architecture");
	ok(accel == VM_ACCEL_TCG && !reason, "takes TCG without a word");
	is_int(accel_choose(ACCEL_WISH_TCG, vm_arch_host(), &f, &accel, &reason, &e), 0, "tcg");
	ok(accel == VM_ACCEL_TCG && !reason, "takes TCG without a word");
	f.is_kvm_good = false;
	snprintf(f.kvm_reason, sizeof(f.kvm_reason), "it hangs");
	is_int(accel_choose(ACCEL_WISH_AUTO, vm_arch_host(), &f, &accel, &reason, &e), 0,
	       "auto with a bad KVM");
	ok(accel == VM_ACCEL_TCG, "takes TCG");
	is_str(reason, "it hangs", "and has a reason to give");
	is_int(accel_choose(ACCEL_WISH_KVM, vm_arch_host(), &f, &accel, &reason, &e), -ENODEV,
	       "kvm with a bad KVM fails");
	is_str(e.text, "kvm: it hangs", "with the reason");
	is_int(accel_choose(ACCEL_WISH_KVM, other, &f, &accel, &reason, &e), -EINVAL,
	       "kvm for another architecture fails");
	ok(!(accel_needs(ACCEL_WISH_TCG, vm_arch_host()) & FACTS_NEED_KVM) &&
		   !(accel_needs(ACCEL_WISH_AUTO, other) & FACTS_NEED_KVM),
	   "nothing is probed that does not matter");
}

int main(void)
{
	test_golden();
	test_command_line();
	test_disks();
	test_template();
	test_gdb();
	test_kernel_hz();
	test_refusals();
	test_architectures();
	test_accel();
	return done_testing();
}
