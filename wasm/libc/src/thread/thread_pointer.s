# SPDX-License-Identifier: MIT
#
# The thread pointer, a global of the instance. Each thread has an instance.

	.globaltype __thread_pointer, i64
	.globl __thread_pointer
__thread_pointer:

	.globl __wasm_get_tp
	.type __wasm_get_tp,@function
__wasm_get_tp:
	.functype __wasm_get_tp () -> (i64)
	global.get __thread_pointer
	end_function

	.globl __wasm_set_tp
	.type __wasm_set_tp,@function
__wasm_set_tp:
	.functype __wasm_set_tp (i64) -> ()
	local.get 0
	global.set __thread_pointer
	end_function
