/* SPDX-License-Identifier: MIT */
/*
 * Description: a thread of the program, and the instruction with which it makes
 * its system calls.
 *
 * A signal whose handler is in wasm must not be missed between the look at
 * @pending and the system call, and must end a call that the kernel would go on
 * with. So the call is an instruction of known address: signal.c's native
 * handler sends a thread that has not got beyond it to run_syscall_abort.
 */
#ifndef LIBURING_WASM_RUN_CALL_H
#define LIBURING_WASM_RUN_CALL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "../../wasm/libc/arch/host.h"

#define MAX_SIGNAL 64

/* What the system calls' host function tells JavaScript to do. */
enum run_request {
	RUN_NOTHING = 0,
	RUN_START_SPAWNER = 1, /* then make the call again */
	RUN_EXIT_THREAD = 2,
};

/* A thread of the program's; see thread.c. */
struct run_thread {
	volatile int pending; /* signals wait in @queue */
	volatile int tid;
	unsigned int count;
	siginfo_t queue[2 * MAX_SIGNAL];

	/* all but the first have a native thread that makes their calls */
	bool has_native;
	pthread_t native;
	volatile int state;
	struct host_call *call;
	enum run_request request;

	unsigned long start[4]; /* function, argument, stack, thread pointer */
	volatile int *ctid;
	struct run_thread *next;
};

/* The thread that runs here, in wasm or for it. */
extern __thread struct run_thread *run_thread;

/*
 * Makes a system call for the current thread: its result, -errno, or
 * HOST_RESTART if a signal came before it.
 */
long run_syscall(long nr, const long args[6]);

/* From the look at @pending to the instruction; where a signal sends it to. */
extern const char run_syscall_begin[], run_syscall_end[], run_syscall_abort[];

#endif
