/* SPDX-License-Identifier: MIT */
/*
 * Description: system calls that are cancellation points. A thread checks
 * before the call. The signal that cancels it ends the call with EINTR, and
 * __syscall_cp_c() checks again.
 */
#include "pthread_impl.h"
#include "syscall.h"

/* no signal interrupts code between these */
hidden const char __cp_begin[1], __cp_end[1];

hidden long __cancel(void);

hidden void __cp_cancel(void)
{
	__cancel();
}

hidden long __syscall_cp_asm(volatile void *cancel, syscall_arg_t nr,
			     syscall_arg_t a, syscall_arg_t b, syscall_arg_t c,
			     syscall_arg_t d, syscall_arg_t e, syscall_arg_t f)
{
	if (*(volatile int *) cancel)
		return __cancel();
	return __uring_wasm_syscall(nr, a, b, c, d, e, f);
}
