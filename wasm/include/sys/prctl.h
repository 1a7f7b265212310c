/* SPDX-License-Identifier: MIT */
/* Description: prctl(2) takes its arguments as longs; see unistd.h. */
#ifndef LIBURING_WASM_SYS_PRCTL_H
#define LIBURING_WASM_SYS_PRCTL_H

#include_next <sys/prctl.h>

#define __uring_prctl_longs(o, a, b, c, d, ...) \
	(o), (long) (a), (long) (b), (long) (c), (long) (d)
#define prctl(...) (prctl)(__uring_prctl_longs(__VA_ARGS__, 0, 0, 0, 0, 0))

#endif
