/* SPDX-License-Identifier: MIT */
/* Description: the system calls of the program. */
#ifndef LIBURING_WASM_RUN_SYSCALL_H
#define LIBURING_WASM_RUN_SYSCALL_H

#include "call.h"

/* Makes @call in the current native thread; the result replaces its number. */
enum run_request run_make_call(struct host_call *call);

/*
 * Makes @call of the thread whose wasm runs here: on its native thread, if it
 * has one.
 */
enum run_request run_host_call(struct host_call *call);

#endif
