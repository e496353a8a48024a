/* The guest's side of the KVM probe, as assembly in a data section. Never executed by vmrt.
 *
 * Runs from real mode through protected to long mode and does there what kernels cannot do
 * without. Everything is addressed relative to KVMPROBE_CODE. */
#include "runtime/vm/kvmprobe_guest.h"

#ifdef __x86_64__

#include <assert.h>

static_assert(KVMPROBE_TSS == 0x6000, "the descriptor below holds this address");

#define STR_(x) #x
#define STR(x)	STR_(x)

/* clang-format off */
__asm__(
	".pushsection .rodata.kvmprobe, \"a\", @progbits\n"
	".globl kvmprobe_guest_begin, kvmprobe_guest_end\n"
	".set kp_base, kvmprobe_guest_begin - " STR(KVMPROBE_CODE) "\n"
	".balign 16\n"
	"kvmprobe_guest_begin:\n"

	".code16\n"
	"	cli\n"
	"	xorw %ax, %ax\n"
	"	movw %ax, %ds\n"
	"	movw %ax, %ss\n"
	"	movb $1, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"
	"	lgdtl (kp_gdt_desc - kp_base)\n"
	"	movl %cr0, %eax\n"
	"	orb $1, %al\n"
	"	movl %eax, %cr0\n"
	"	ljmpl $0x08, $(kp_prot - kp_base)\n"

	".code32\n"
	"kp_prot:\n"
	"	movw $0x10, %ax\n"
	"	movw %ax, %ds\n"
	"	movw %ax, %es\n"
	"	movw %ax, %ss\n"
	"	movb $2, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"
	"	movl %cr4, %eax\n"
	"	orl $0x20, %eax\n"			/* PAE */
	"	movl %eax, %cr4\n"
	"	movl $" STR(KVMPROBE_PML4) ", %eax\n"
	"	movl %eax, %cr3\n"
	"	movl $0xc0000080, %ecx\n"		/* EFER: SCE, LME */
	"	rdmsr\n"
	"	orl $0x101, %eax\n"
	"	wrmsr\n"
	"	movl %cr0, %eax\n"
	"	orl $0x80010000, %eax\n"		/* PG, WP */
	"	movl %eax, %cr0\n"
	"	ljmpl $0x18, $(kp_long - kp_base)\n"

	".code64\n"
	"kp_long:\n"
	"	movl $0x10, %eax\n"
	"	movl %eax, %ds\n"
	"	movl %eax, %es\n"
	"	movl %eax, %ss\n"
	"	movl $" STR(KVMPROBE_STACK) ", %esp\n"
	"	lgdtq (kp_gdt_desc - kp_base)\n"
	"	lidtq (kp_idt_desc - kp_base)\n"
	"	movb $3, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	"	xorl %eax, %eax\n"
	"	cpuid\n"
	"	testl %eax, %eax\n"
	"	jz kp_bad\n"
	"	movl $1, %eax\n"
	"	cpuid\n"
	"	testl $0x20, %edx\n"			/* MSRs */
	"	jz kp_bad\n"
	"	movb $4, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	"	movl $0xc0000081, %ecx\n"		/* STAR: kernel 0x18, user 0x23 */
	"	xorl %eax, %eax\n"
	"	movl $0x00230018, %edx\n"
	"	wrmsr\n"
	"	movl $0xc0000082, %ecx\n"		/* LSTAR */
	"	movl $(kp_syscall - kp_base), %eax\n"
	"	xorl %edx, %edx\n"
	"	wrmsr\n"
	"	xorl %eax, %eax\n"
	"	rdmsr\n"
	"	cmpl $(kp_syscall - kp_base), %eax\n"
	"	jne kp_bad\n"
	"	movl $0xc0000084, %ecx\n"		/* SFMASK: IF, DF, TF */
	"	movl $0x700, %eax\n"
	"	xorl %edx, %edx\n"
	"	wrmsr\n"
	"	movl $0xc0000102, %ecx\n"		/* KERNEL_GS_BASE */
	"	movl $0x12345000, %eax\n"
	"	movl $0xffff8880, %edx\n"
	"	wrmsr\n"
	"	swapgs\n"
	"	movl $0xc0000101, %ecx\n"		/* GS_BASE, which swapgs exchanged */
	"	rdmsr\n"
	"	cmpl $0xffff8880, %edx\n"
	"	jne kp_bad\n"
	"	swapgs\n"
	"	movb $5, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	/* half a million rounds: a millisecond, or seconds where each instruction is emulated */
	"	movl $500000, %ecx\n"
	"kp_spin:\n"
	"	subl $1, %ecx\n"
	"	jnz kp_spin\n"
	"	movb $6, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	"	xorl %ebx, %ebx\n"
	"	int3\n"
	"	cmpl $0x33, %ebx\n"
	"	jne kp_bad\n"
	"	movb $7, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	/* 2 MiB .. 4 MiB is not present; the handler maps it onto 0 .. 2 MiB */
	"	movl $0x200000, %edi\n"
	"	movl (%rdi), %eax\n"
	"	cmpl $0x0e, %ebx\n"
	"	jne kp_bad\n"
	"	movb $8, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	"	movl $0x38, %eax\n"
	"	ltr %ax\n"
	"	movl $(kp_user - kp_base), %ecx\n"
	"	movl $0x2, %r11d\n"
	"	sysretq\n"
	"kp_user:\n"
	"	movl $0x55, %ebx\n"
	"	syscall\n"
	"	ud2\n"
	"kp_syscall:\n"
	"	movl $" STR(KVMPROBE_STACK) ", %esp\n"
	"	cmpl $0x55, %ebx\n"
	"	jne kp_bad\n"
	"	movb $9, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"

	/* the local APIC: on, timer one-shot with vector 0x40, divide by 1 */
	"	movl $0xfee00000, %edi\n"
	"	movl $0x1ff, 0xf0(%rdi)\n"
	"	movl $0xb, 0x3e0(%rdi)\n"
	"	movl $0x40, 0x320(%rdi)\n"
	"	xorl %ebx, %ebx\n"
	"	movl $100000, 0x380(%rdi)\n"
	"kp_wait:\n"
	"	sti\n"
	"	hlt\n"
	"	cli\n"
	"	cmpl $0x40, %ebx\n"
	"	jne kp_wait\n"
	"	movb $10, %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"
	"	hlt\n"

	"kp_bad:\n"
	"	movb $" STR(KVMPROBE_BAD) ", %al\n"
	"	outb %al, $" STR(KVMPROBE_PORT) "\n"
	"	cli\n"
	"	hlt\n"

	/* exception and interrupt handlers; vectors are in kp_handlers below */
	"kp_on_trap:\n"
	"	movl $0x33, %ebx\n"
	"	iretq\n"
	"kp_on_fault:\n"
	"	movl $0x0e, %ebx\n"
	"	movq $0x87, (" STR(KVMPROBE_PD_LOW) " + 8)\n"
	"	movq %cr2, %rax\n"
	"	invlpg (%rax)\n"
	"	addq $8, %rsp\n"
	"	iretq\n"
	"kp_on_timer:\n"
	"	movl $0x40, %ebx\n"
	"	movl $0xfee00000, %edi\n"
	"	movl $0, 0xb0(%rdi)\n"
	"	iretq\n"

	".balign 8\n"
	"kp_gdt:\n"
	"	.quad 0\n"
	"	.quad 0x00cf9a000000ffff\n"		/* 0x08 code, 32 bit */
	"	.quad 0x00cf92000000ffff\n"		/* 0x10 data */
	"	.quad 0x00af9a000000ffff\n"		/* 0x18 code, 64 bit; SYSCALL's */
	"	.quad 0x00cf92000000ffff\n"		/* 0x20 data, SYSCALL's and base of SYSRET */
	"	.quad 0x00cff2000000ffff\n"		/* 0x28 user data */
	"	.quad 0x00affa000000ffff\n"		/* 0x30 user code, 64 bit */
	"	.quad 0x0000890060000067\n"		/* 0x38 TSS at KVMPROBE_TSS, two words */
	"	.quad 0\n"
	"kp_gdt_end:\n"
	"kp_gdt_desc:\n"
	"	.word kp_gdt_end - kp_gdt - 1\n"
	"	.quad kp_gdt - kp_base\n"
	"kp_idt_desc:\n"
	"	.word 0x41 * 16 - 1\n"
	"	.quad " STR(KVMPROBE_IDT) "\n"
	"kvmprobe_guest_end:\n"

	/* which handler has which vector: kvmprobe.c builds the table from this */
	".globl kvmprobe_guest_handlers\n"
	".balign 4\n"
	"kvmprobe_guest_handlers:\n"
	"	.long 3, kp_on_trap - kp_base, 14, kp_on_fault - kp_base, 0x40, "
		"kp_on_timer - kp_base, 0, 0\n"
	".popsection\n");
/* clang-format on */

#endif
