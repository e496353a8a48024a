/*
 * A program that only exits with ANSWER: two of them, alike but for one byte, are the test of stale
 * translations (see "payload stale"). Without libc, so that all its code is in one page and at the
 * same offset in both.
 */
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov $231, %eax\n\tmov $" ANSWER ", %edi\n\tsyscall\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x8, #94\n\tmov x0, #" ANSWER "\n\tsvc #0\n");
#elif defined(__riscv)
__asm__(".globl _start\n_start:\n\tli a7, 94\n\tli a0, " ANSWER "\n\tecall\n");
#else
#error "say here how this architecture ends a process"
#endif
