/* SPDX-License-Identifier: MIT */
/* Description: struct statx, which musl has since 1.2.4. */
#ifndef LIBURING_WASM_SYS_STAT_H
#define LIBURING_WASM_SYS_STAT_H

#include_next <sys/stat.h>
#ifndef STATX_TYPE
#include <linux/stat.h>
#endif

#endif
