/* SPDX-License-Identifier: MIT */
/*
 * Description: what the module and the host shim say to each other, besides
 * Linux's system calls. host/run includes it, too.
 */
#ifndef LIBURING_WASM_LIBC_HOST_H
#define LIBURING_WASM_LIBC_HOST_H

/* What a system call is described by, in memory, and where its result comes. */
struct host_call {
	long nr; /* then the result */
	long args[6];
	long signals; /* set by the host: some wait for host_next_signal */
};

/* A result that no system call has: the call was not made, or has to be again.
 */
#define HOST_RESTART (-512)

/* Numbers that no system call has. */
enum {
	/* next_signal(struct host_signal *): 1, or 0 if there is none */
	HOST_NEXT_SIGNAL = 10000,
	/* signal_done(const struct host_signal *) */
	HOST_SIGNAL_DONE = 10001,
	/* start_thread(fn, arg, stack, tp, ctid, ptid): the thread's id */
	HOST_START_THREAD = 10002,
	/* exit_unmapping(address, length): unmaps the stack, ends the thread */
	HOST_EXIT_UNMAPPING = 10003,
};

/* A signal to be handled, and what has to be restored after it. */
struct host_signal {
	unsigned long handler;
	unsigned long flags; /* SA_* */
	unsigned long mask;  /* before it */
	int number;
	int padding;
	unsigned char info[128]; /* siginfo_t */
};

#endif
