/* SPDX-License-Identifier: MIT */
/*
 * Description: the interface of the module and the host shim, beside Linux's
 * system calls. host/run includes it, too.
 */
#ifndef LIBURING_WASM_LIBC_HOST_H
#define LIBURING_WASM_LIBC_HOST_H

/* Describes a system call, in memory. The result replaces its number. */
struct host_call {
	long nr; /* then the result */
	long args[6];
	long signals; /* set by the host: some wait for host_next_signal */
};

/* A result that no system call has: a signal came first, so make it again. */
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

/* A signal to handle, and what to restore afterwards. */
struct host_signal {
	unsigned long handler;
	unsigned long flags; /* SA_* */
	unsigned long mask;  /* mask before it */
	int number;
	int padding;
	unsigned char info[128]; /* siginfo_t */
};

#endif
