/* SPDX-License-Identifier: MIT */
/*
 * Description: syscall(2) takes each of its arguments as a long. Where an int
 * among variable arguments takes less room than a long, it has to be one.
 */
#ifndef LIBURING_WASM_UNISTD_H
#define LIBURING_WASM_UNISTD_H

#include_next <unistd.h>

#define __uring_longs(n, a, b, c, d, e, f, ...)                     \
	(long) (n), (long) (a), (long) (b), (long) (c), (long) (d), \
		(long) (e), (long) (f)
#define syscall(...) (syscall)(__uring_longs(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0))

#endif
