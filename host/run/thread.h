/* SPDX-License-Identifier: MIT */
/*
 * Description: the program's threads.
 *
 * V8 runs code only in threads that it has prepared for long, and Node's
 * Workers take tens of milliseconds to start and to end. To the kernel, though,
 * a thread is what makes its system calls: that has the id, the signal mask and
 * the rings, and what it has in flight is cancelled when it ends. So each of
 * the program's threads is a native one, which lives exactly as long and makes
 * its calls. A Worker is lent to it, and runs its wasm. Workers are made by one
 * more of them, the spawner, because Node ends a Worker's own Workers with it.
 */
#ifndef LIBURING_WASM_RUN_THREAD_H
#define LIBURING_WASM_RUN_THREAD_H

#include "call.h"

/* Makes a system call in the current thread: see run_make_call(). */
typedef enum run_request (*thread_make_call)(struct host_call *call);

/*
 * Makes the caller the program's first thread. Native threads make their calls
 * by @make_call.
 */
void thread_open(thread_make_call make_call);

/* Makes Workers ready, for a program that will start threads. */
void thread_prepare(void);

/* HOST_START_THREAD: starts a thread; the result is in @call. */
enum run_request thread_start(struct host_call *call);

/* Runs @call on the native thread of @thread, and waits for its result. */
enum run_request thread_call(struct run_thread *thread, struct host_call *call);

/* Ends the native thread of @thread, and frees @thread. */
enum run_request thread_end(struct run_thread *thread);

/*
 * In the child of a fork: the calling thread is the only one, and makes its
 * calls itself from here on.
 */
void thread_forked(void);

/* Blocks until a Worker is wanted. */
void thread_wait_for_demand(void);

/* Blocks until this Worker has a thread to run. */
void thread_wait_for_start(bool is_new, unsigned long parameters[4]);

/* Ends the first thread; the others go on. */
_Noreturn void thread_exit_main(int status);

#endif
