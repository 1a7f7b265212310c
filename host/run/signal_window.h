/* SPDX-License-Identifier: MIT */
/* Description: labels in syscall.c's assembly, for signal.c. */
#ifndef LIBURING_WASM_SIGNAL_WINDOW_H
#define LIBURING_WASM_SIGNAL_WINDOW_H

extern const char run_syscall_begin[], run_syscall_end[], run_syscall_abort[];

#endif
