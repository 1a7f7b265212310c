/* SPDX-License-Identifier: MIT */
/* Description: empty; the module's entry is in wasm/libc/crt1.c. */
#define START "__unused_start"
