/* SPDX-License-Identifier: MIT */
/*
 * Description: the module's one import. The arguments go through memory: a call
 * into JavaScript with seven 64-bit numbers would make seven BigInts.
 */
__attribute__((import_module("host"), import_name("syscall"))) extern void
host_syscall(unsigned int block);

long __uring_wasm_syscall(long nr, long a, long b, long c, long d, long e,
			  long f);

long __uring_wasm_syscall(long nr, long a, long b, long c, long d, long e,
			  long f)
{
	volatile long block[7] = { nr, a, b, c, d, e, f };

	host_syscall((unsigned int) (unsigned long) block);
	return block[0];
}

/* newer emscripten requires it for a link without an entry point */
void _initialize(void);
void _initialize(void)
{
}
