/* SPDX-License-Identifier: MIT */
/* Description: makes a system call that a signal can end; see call.h. */
#include "call.h"

#ifndef __x86_64__
#error "programs have the system call numbers of x86-64"
#endif

__thread struct run_thread *run_thread;

/* long run_interruptible(volatile int *pending, long nr, const long args[6]) */
__asm__(".text\n"
	".hidden run_interruptible, run_syscall_begin\n"
	".hidden run_syscall_end, run_syscall_abort\n"
	".globl run_interruptible\n"
	".type run_interruptible, @function\n"
	"run_interruptible:\n"
	"	mov %rsi, %rax\n"
	"	mov %rdx, %r11\n"
	"	mov %rdi, %rcx\n"
	"	mov 0(%r11), %rdi\n"
	"	mov 8(%r11), %rsi\n"
	"	mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %r10\n"
	"	mov 32(%r11), %r8\n"
	"	mov 40(%r11), %r9\n"
	".globl run_syscall_begin\n"
	"run_syscall_begin:\n"
	"	cmpl $0, (%rcx)\n"
	"	jne run_syscall_abort\n"
	".globl run_syscall_end\n"
	"run_syscall_end:\n"
	"	syscall\n"
	"	ret\n"
	".globl run_syscall_abort\n"
	"run_syscall_abort:\n"
	"	mov $-512, %rax\n"
	"	ret\n"
	".size run_interruptible, . - run_interruptible\n");

long run_interruptible(volatile int *pending, long nr, const long args[6]);

_Static_assert(HOST_RESTART == -512, "in the assembly above");

long run_syscall(long nr, const long args[6])
{
	return run_interruptible(&run_thread->pending, nr, args);
}
