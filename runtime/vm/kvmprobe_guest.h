/* The program the KVM probe runs: what an ordinary x86-64 kernel does in its first milliseconds.
 *
 * It is linked into vmrt as data and copied into the throw-away VM at KVMPROBE_CODE; it reports
 * each stage it reached by a byte on port KVMPROBE_PORT. x86-64 only. */
#ifndef VMRT_VM_KVMPROBE_GUEST_H
#define VMRT_VM_KVMPROBE_GUEST_H

/* Guest-physical layout, all inside one 2 MiB page. */
#define KVMPROBE_PORT	0xf4
#define KVMPROBE_PML4	0x1000
#define KVMPROBE_PDPT	0x2000
#define KVMPROBE_PD_LOW 0x3000 /* 0 .. 1 GiB */
#define KVMPROBE_PD_TOP 0x4000 /* 3 .. 4 GiB: the local APIC */
#define KVMPROBE_IDT	0x5000
#define KVMPROBE_TSS	0x6000
#define KVMPROBE_STACK	0x7f00
#define KVMPROBE_CODE	0x8000

/* X(name, number, what is said when the guest did not get there) */
#define KVMPROBE_STAGES(X)                                                                         \
	X(REAL, 1, "real mode")                                                                    \
	X(PROTECTED, 2, "protected mode")                                                          \
	X(LONG, 3, "long mode with paging")                                                        \
	X(CPUID, 4, "CPUID")                                                                       \
	X(MSR, 5, "system-call and GS-base MSRs")                                                  \
	X(SPEED, 6, "the CPU itself, not an emulation of it")                                      \
	X(TRAP, 7, "a breakpoint trap")                                                            \
	X(FAULT, 8, "a page fault and its repair")                                                 \
	X(USER, 9, "user mode and back by SYSCALL")                                                \
	X(TIMER, 10, "a local APIC timer interrupt that wakes HLT")

enum kvmprobe_stage {
	KVMPROBE_NONE,
#define X(name, number, text) KVMPROBE_##name = (number),
	KVMPROBE_STAGES(X)
#undef X
		KVMPROBE_STAGE_COUNT
};

#define KVMPROBE_BAD 0xff /* the guest found a wrong value */

/* Linked in by kvmprobe_guest.c. */
extern const unsigned char kvmprobe_guest_begin[];
extern const unsigned char kvmprobe_guest_end[];
/* Pairs of vector and handler's guest-physical address; a pair of zeros ends the list. */
extern const unsigned int kvmprobe_guest_handlers[];

#endif
