/* SPDX-License-Identifier: MIT */
/*
 * Description: the system calls that liburing makes, on behalf of wasm code.
 */
#ifndef LIBURING_WASM_SYSCALL_H
#define LIBURING_WASM_SYSCALL_H

#include "ring.h"
#include "window.h"

/*
 * Makes the system call whose number and six arguments are in @call. Returns
 * what the kernel would have, as -errno for an error; -ENOSYS for a call that
 * liburing does not use. Precondition: the pages of @rings are those of @w.
 */
long window_syscall(struct window *w, struct rings *rings, const long call[7]);

#endif
