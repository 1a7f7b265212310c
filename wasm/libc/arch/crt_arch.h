/* SPDX-License-Identifier: MIT */
/* Description: nothing; the module's entry is in wasm/libc/src/start.c. */
#define START "__unused_start"
