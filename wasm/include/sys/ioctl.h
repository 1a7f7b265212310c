/* SPDX-License-Identifier: MIT */
/* Description: ioctl(2) takes its third argument as a long; see unistd.h. */
#ifndef LIBURING_WASM_SYS_IOCTL_H
#define LIBURING_WASM_SYS_IOCTL_H

#include_next <sys/ioctl.h>

#define __uring_ioctl_long(a, b, c, ...) (a), (b), (long) (c)
#define ioctl(...)			 (ioctl)(__uring_ioctl_long(__VA_ARGS__, 0, 0))

#endif
