/* SPDX-License-Identifier: MIT */
/*
 * Description: the system calls that liburing makes, on behalf of wasm code.
 */
#ifndef LIBURING_WASM_SYSCALL_H
#define LIBURING_WASM_SYSCALL_H

#include "window.h"

/*
 * @call is the number and six arguments. Returns what the kernel would have;
 * -ENOSYS for what liburing does not use.
 */
long window_syscall(struct window *w, const long call[7]);

#endif
