/* SPDX-License-Identifier: MIT */
/*
 * Description: system calls that are cancellation points. A thread looks before
 * the call; the signal that cancels it ends the call with EINTR, after which
 * __syscall_cp_c() looks again.
 */
#include "pthread_impl.h"
#include "syscall.h"

/* nothing is ever interrupted between these */
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
