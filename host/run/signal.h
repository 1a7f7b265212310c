/* SPDX-License-Identifier: MIT */
/*
 * Description: signals whose handlers are in wasm. A native handler notes the
 * signal, and the libc asks for it after each system call. Blocking, default
 * actions, alarms, signalfd and the rest are the kernel's own.
 */
#ifndef LIBURING_WASM_RUN_SIGNAL_H
#define LIBURING_WASM_RUN_SIGNAL_H

#include "../../wasm/libc/arch/host.h"

/* Takes the process's signals over from Node. */
void signal_open(void);

/* rt_sigaction(2). */
long signal_action(const long args[6]);

/*
 * The current thread's oldest signal that has a handler: 1, and 0 if there is
 * none. The mask is the handler's until signal_done().
 */
long signal_next(struct host_signal *signal);
long signal_done(const struct host_signal *signal);

/* Ends the process by a signal. */
_Noreturn void signal_die(int number);

#endif
