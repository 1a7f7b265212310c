/* SPDX-License-Identifier: MIT */
/* Description: LP64, which the x86 header recognises by compiler macros only.
 */
#ifndef LIBURING_WASM_ASM_BITSPERLONG_H
#define LIBURING_WASM_ASM_BITSPERLONG_H

#define __BITS_PER_LONG 64
#include <asm-generic/bitsperlong.h>

#endif
