/* SPDX-License-Identifier: MIT */
/* Description: LP64. The x86 header derives it from compiler macros only. */
#ifndef LIBURING_WASM_ASM_BITSPERLONG_H
#define LIBURING_WASM_ASM_BITSPERLONG_H

#define __BITS_PER_LONG 64
#include <asm-generic/bitsperlong.h>

#endif
