/* SPDX-License-Identifier: MIT */
/* Description: fcntl(2) takes its third argument as a long; see unistd.h. */
#ifndef LIBURING_WASM_FCNTL_H
#define LIBURING_WASM_FCNTL_H

#include_next <fcntl.h>

#define __uring_third_long(a, b, c, ...) (a), (b), (long) (c)
#define fcntl(...)			 (fcntl)(__uring_third_long(__VA_ARGS__, 0, 0))

#endif
