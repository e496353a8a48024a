/* Asks /dev/kvm to run a small program that does what kernels do, in a child under a time limit.
 *
 *   vmrt ------ fork ------> child: throw-away VM, one vCPU, 2 MiB
 *     |  <-- a byte per stage --- |
 *     |  <-- a text, if it ends - |
 *     |  kills it after the limit: some KVMs never return
 *
 * "Good" needs every stage, so a KVM that only emulates real mode, or a part of long mode, does
 * not pass. Must not know QEMU, and must not block its caller. */
#include "runtime/vm/kvmprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/mem.h"
#include "runtime/proc/spawn.h"
#include "runtime/vm/kvmprobe_guest.h"

#define KVMPROBE_CPU_MS	    400	 /* that much work: it emulates or spins. Hardware needs one */
#define KVMPROBE_LIMIT_MS   3000 /* and that much time on a machine that is busy otherwise */
#define KVMPROBE_STEP_MS    20
#define KVMPROBE_TEXT_BYTES 120
#define KVMPROBE_TEXT_MARK  0xfe /* in the pipe: the rest is a text */

struct kvmprobe_child {
	int report_fd;
};

static const char *kvmprobe_stage_text(unsigned int stage)
{
	switch (stage) {
#define X(name, number, text)                                                                      \
	case number:                                                                               \
		return text;
		KVMPROBE_STAGES(X)
#undef X
	default:
		return "nothing";
	}
}

/* The child's end: says why and leaves. Names of errors, not their texts: engines take "permission
 * denied" for a statement about the user's program. */
static int kvmprobe_fail(int report_fd, const char *what, int error)
{
	char text[KVMPROBE_TEXT_BYTES];
	int n = snprintf(text, sizeof(text), "%c%s%s%s", KVMPROBE_TEXT_MARK, what,
			 error ? ": " : "", error ? strerrorname_np(error) : "");

	return fd_write_all(report_fd, text, (size_t)n) < 0 ? 2 : 1;
}

#ifdef __x86_64__

#define KVMPROBE_MEMORY	  0x200000
#define KVMPROBE_MSR_CAPS 0x10a /* IA32_ARCH_CAPABILITIES */
#define KVMPROBE_CPUID_N  256

struct kvmprobe_vm {
	int kvm;
	int vm;
	int vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_bytes;
};

/* Page tables for 0..2 MiB (also for user mode) and the local APIC, handlers, code. */
static void kvmprobe_fill(uint8_t *memory)
{
	uint64_t *pml4 = (uint64_t *)(memory + KVMPROBE_PML4);
	uint64_t *pdpt = (uint64_t *)(memory + KVMPROBE_PDPT);
	uint64_t *low = (uint64_t *)(memory + KVMPROBE_PD_LOW);
	uint64_t *top = (uint64_t *)(memory + KVMPROBE_PD_TOP);
	uint64_t *idt = (uint64_t *)(memory + KVMPROBE_IDT);

	pml4[0] = KVMPROBE_PDPT | 0x7;
	pdpt[0] = KVMPROBE_PD_LOW | 0x7;
	pdpt[3] = KVMPROBE_PD_TOP | 0x7;
	low[0] = 0x87;				      /* present, writable, user, 2 MiB */
	top[(0xfee00000U >> 21) & 511] = 0xfee0009bU; /* uncached */
	for (const unsigned int *h = kvmprobe_guest_handlers; h[1]; h += 2) {
		/* 64-bit interrupt gate, selector 0x18, handler below 64 KiB */
		idt[h[0] * 2] =
			(h[1] & 0xffffU) | (UINT64_C(0x18) << 16) | (UINT64_C(0x8e00) << 32);
		idt[h[0] * 2 + 1] = 0;
	}
	memcpy(memory + KVMPROBE_CODE, kvmprobe_guest_begin,
	       (size_t)(kvmprobe_guest_end - kvmprobe_guest_begin));
}

/* What QEMU does at its start, in its order. NULL or the step that failed (errno is set). */
static const char *kvmprobe_make_vm(struct kvmprobe_vm *p)
{
	uint64_t identity_map = 0xfffbc000;
	struct kvm_userspace_memory_region region = {.memory_size = KVMPROBE_MEMORY};
	int run_bytes;

	if (ioctl(p->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return "the API version is not 12";
	p->vm = ioctl(p->kvm, KVM_CREATE_VM, 0);
	if (p->vm < 0)
		return "KVM_CREATE_VM";
	if (ioctl(p->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
		return "KVM_SET_IDENTITY_MAP_ADDR";
	if (ioctl(p->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL) < 0)
		return "KVM_SET_TSS_ADDR";
	if (ioctl(p->vm, KVM_CREATE_IRQCHIP, 0) < 0)
		return "KVM_CREATE_IRQCHIP";
	p->memory = mmap(NULL, KVMPROBE_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	if (p->memory == MAP_FAILED)
		return "mmap";
	region.userspace_addr = (uint64_t)(uintptr_t)p->memory;
	if (ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return "KVM_SET_USER_MEMORY_REGION";
	p->vcpu = ioctl(p->vm, KVM_CREATE_VCPU, 0UL);
	if (p->vcpu < 0)
		return "KVM_CREATE_VCPU";
	run_bytes = ioctl(p->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < (int)sizeof(struct kvm_run))
		return "KVM_GET_VCPU_MMAP_SIZE";
	p->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu, 0);
	return p->run == MAP_FAILED ? "mmap of the vCPU" : NULL;
}

/* The vCPU gets every feature KVM offers and, as QEMU's -cpu host does, the host's value of
 * IA32_ARCH_CAPABILITIES: a KVM that offers the feature and refuses the value kills QEMU. */
static const char *kvmprobe_set_features(struct kvmprobe_vm *p)
{
	auto_free struct kvm_cpuid2 *cpuid =
		xcalloc(1, sizeof(*cpuid) + KVMPROBE_CPUID_N * sizeof(struct kvm_cpuid_entry2));
	auto_free struct kvm_msrs *msr = xcalloc(1, sizeof(*msr) + sizeof(struct kvm_msr_entry));
	bool has_caps = false;

	cpuid->nent = KVMPROBE_CPUID_N;
	if (ioctl(p->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return "KVM_GET_SUPPORTED_CPUID";
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *leaf = &cpuid->entries[i];

		if (leaf->function == 7 && leaf->index == 0)
			has_caps = leaf->edx & (UINT32_C(1) << 29);
	}
	if (ioctl(p->vcpu, KVM_SET_CPUID2, cpuid) < 0)
		return "KVM_SET_CPUID2";
	msr->nmsrs = 1;
	msr->entries[0].index = KVMPROBE_MSR_CAPS;
	if (!has_caps || ioctl(p->kvm, KVM_GET_MSRS, msr) != 1)
		return NULL;
	errno = 0;
	return ioctl(p->vcpu, KVM_SET_MSRS, msr) == 1 ? NULL
						      : "it refuses its own IA32_ARCH_CAPABILITIES";
}

static const char *kvmprobe_set_start(struct kvmprobe_vm *p)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = KVMPROBE_CODE, .rflags = 2};

	if (ioctl(p->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return "KVM_GET_SREGS";
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(p->vcpu, KVM_SET_SREGS, &sregs) < 0)
		return "KVM_SET_SREGS";
	return ioctl(p->vcpu, KVM_SET_REGS, &regs) < 0 ? "KVM_SET_REGS" : NULL;
}

/* Runs until the last stage (0) or until the vCPU leaves for a reason it should not have. */
static int kvmprobe_run(struct kvmprobe_vm *p, int report_fd)
{
	char text[KVMPROBE_TEXT_BYTES];
	uint8_t stage;

	for (;;) {
		if (ioctl(p->vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return kvmprobe_fail(report_fd, "KVM_RUN", errno);
		}
		if (p->run->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
			snprintf(text, sizeof(text), "an internal error of KVM (%u)",
				 p->run->internal.suberror);
			return kvmprobe_fail(report_fd, text, 0);
		}
		if (p->run->exit_reason != KVM_EXIT_IO || p->run->io.port != KVMPROBE_PORT) {
			snprintf(text, sizeof(text), "exit reason %u", p->run->exit_reason);
			return kvmprobe_fail(report_fd, text, 0);
		}
		stage = *((uint8_t *)p->run + p->run->io.data_offset);
		if (stage == KVMPROBE_BAD)
			return kvmprobe_fail(report_fd, "a wrong value", 0);
		if (fd_write_all(report_fd, &stage, 1) < 0)
			return 2;
		if (stage == KVMPROBE_STAGE_COUNT - 1)
			return 0;
	}
}

static int kvmprobe_try(int report_fd)
{
	struct kvmprobe_vm p = {.kvm = -1, .vm = -1, .vcpu = -1};
	const char *failed;

	p.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (p.kvm < 0)
		return kvmprobe_fail(report_fd, "opening it", errno);
	failed = kvmprobe_make_vm(&p);
	if (failed)
		return kvmprobe_fail(report_fd, failed, errno);
	failed = kvmprobe_set_features(&p);
	if (failed)
		return kvmprobe_fail(report_fd, failed, errno);
	failed = kvmprobe_set_start(&p);
	if (failed)
		return kvmprobe_fail(report_fd, failed, errno);
	kvmprobe_fill(p.memory);
	return kvmprobe_run(&p, report_fd);
}

#else

/* Other architectures: no KVM is known that makes a VM and cannot run it, so making one with a
 * vCPU is the whole test. */
static int kvmprobe_try(int report_fd)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	uint8_t last = KVMPROBE_STAGE_COUNT - 1;
	int vm;

	if (kvm < 0)
		return kvmprobe_fail(report_fd, "opening it", errno);
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return kvmprobe_fail(report_fd, "the API version is not 12", 0);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return kvmprobe_fail(report_fd, "KVM_CREATE_VM", errno);
	if (ioctl(vm, KVM_CREATE_VCPU, 0UL) < 0)
		return kvmprobe_fail(report_fd, "KVM_CREATE_VCPU", errno);
	return fd_write_all(report_fd, &last, 1) < 0 ? 2 : 0;
}

#endif

/* A child that hangs inside the kernel can outlive its SIGKILL: it must hold nothing of ours, the
 * engine's pipes least of all. */
static int kvmprobe_child(void *arg)
{
	struct kvmprobe_child *c = arg;

	if (dup2(c->report_fd, 0) < 0 || syscall(SYS_close_range, 1, ~0U, 0) < 0)
		return 2;
	return kvmprobe_try(0);
}

static int64_t kvmprobe_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* CPU time is what counts: on a busy machine a good KVM may need long for nothing, and its "no"
 * would be remembered until the next boot. */
static bool kvmprobe_is_late(int64_t start_ms, clockid_t child_clock)
{
	struct timespec used;

	if (kvmprobe_now_ms() - start_ms > KVMPROBE_LIMIT_MS)
		return true;
	if (clock_gettime(child_clock, &used) < 0)
		return false;
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000 > KVMPROBE_CPU_MS;
}

/* Everything the child says until it ends or the limit is reached. True when it ended. */
static bool kvmprobe_listen(int fd, pid_t pid, char *data, size_t size, size_t *ret_have)
{
	int64_t start = kvmprobe_now_ms();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	clockid_t clock = CLOCK_MONOTONIC;

	*ret_have = 0;
	/* A zombie still has its clock: the child is reaped later. */
	if (clock_getcpuclockid(pid, &clock) != 0)
		return false;
	while (*ret_have < size) {
		int r = poll(&p, 1, KVMPROBE_STEP_MS);
		ssize_t n;

		if (r <= 0) {
			if (kvmprobe_is_late(start, clock))
				return false;
			continue;
		}
		n = read(fd, data + *ret_have, size - *ret_have);
		if (n <= 0)
			return true;
		*ret_have += (size_t)n;
	}
	return true;
}

static void kvmprobe_say(const char *data, size_t have, bool is_ended, char *ret, size_t bytes)
{
	unsigned int stage = KVMPROBE_NONE;
	const char *mark = memchr(data, KVMPROBE_TEXT_MARK, have);
	size_t stages = mark ? (size_t)(mark - data) : have;
	const char *next;

	if (stages)
		stage = (unsigned char)data[stages - 1];
	next = kvmprobe_stage_text(stage + 1);
	if (!is_ended)
		snprintf(ret, bytes, "/dev/kvm hangs where a kernel needs %s", next);
	else if (mark && !stage)
		snprintf(ret, bytes, "/dev/kvm does not work: %.*s", (int)(have - stages - 1),
			 mark + 1);
	else
		snprintf(ret, bytes, "/dev/kvm fails where a kernel needs %s%s%.*s", next,
			 mark ? ": " : "", mark ? (int)(have - stages - 1) : 0,
			 mark ? mark + 1 : "");
}

bool kvm_probe(char *ret_reason, size_t reason_bytes)
{
	char data[KVMPROBE_STAGE_COUNT + KVMPROBE_TEXT_BYTES];
	struct kvmprobe_child c;
	struct err e;
	int pipe_fds[2];
	int pidfd = -1;
	bool is_ended;
	size_t have;
	pid_t pid;

	if (access("/dev/kvm", F_OK) < 0) {
		snprintf(ret_reason, reason_bytes, "this host has no /dev/kvm");
		return false;
	}
	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		snprintf(ret_reason, reason_bytes, "the probe could not run: no pipe");
		return false;
	}
	c.report_fd = pipe_fds[1];
	if (spawn_monitor(0, kvmprobe_child, &c, &pid, &pidfd, &e) < 0) {
		snprintf(ret_reason, reason_bytes, "the probe could not run: %.100s", e.text);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		return false;
	}
	close(pipe_fds[1]);
	is_ended = kvmprobe_listen(pipe_fds[0], pid, data, sizeof(data), &have);
	close(pipe_fds[0]);
	spawn_kill(&pidfd);
	if (is_ended && have == KVMPROBE_STAGE_COUNT - 1 &&
	    (unsigned char)data[have - 1] == KVMPROBE_STAGE_COUNT - 1) {
		ret_reason[0] = '\0';
		return true;
	}
	kvmprobe_say(data, have, is_ended, ret_reason, reason_bytes);
	return false;
}
