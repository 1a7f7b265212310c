/* SPDX-License-Identifier: MIT */
/* Description: sets the thread pointer. */
#include <stdint.h>

void __wasm_set_tp(uintptr_t tp);

int __set_thread_area(void *p);
int __set_thread_area(void *p)
{
	__wasm_set_tp((uintptr_t) p);
	return 0;
}
