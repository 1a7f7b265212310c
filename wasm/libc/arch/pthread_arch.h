/* SPDX-License-Identifier: MIT */
/*
 * Description: the thread pointer is a wasm global, of which each thread has
 * its own.
 */
uintptr_t __wasm_get_tp(void);

#define __get_tp __wasm_get_tp

/*
 * signal handlers run at system calls only, so the PC of a signal means nothing
 */
#define MC_PC gregs[REG_RIP]
