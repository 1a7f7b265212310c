/* SPDX-License-Identifier: MIT */
/*
 * Description: the module's one import, the system call; and the signals that
 * are handled after it.
 */
#include <signal.h>
#include <string.h>

#include "host.h"

__attribute__((import_module("host"), import_name("syscall"))) extern void
host_syscall(unsigned int block);

long __uring_wasm_syscall(long nr, long a, long b, long c, long d, long e,
			  long f);

static void handle_signals(void)
{
	struct host_signal signal;

	while (__uring_wasm_syscall(HOST_NEXT_SIGNAL, (long) &signal, 0, 0, 0,
				    0, 0) == 1) {
		if (signal.flags & SA_SIGINFO) {
			ucontext_t context;

			memset(&context, 0, sizeof(context));
			memcpy(&context.uc_sigmask, &signal.mask,
			       sizeof(signal.mask));
			((void (*)(int, siginfo_t *, void *)) signal.handler)(
				signal.number, (siginfo_t *) signal.info,
				&context);
			memcpy(&signal.mask, &context.uc_sigmask,
			       sizeof(signal.mask));
		} else {
			((void (*)(int)) signal.handler)(signal.number);
		}
		__uring_wasm_syscall(HOST_SIGNAL_DONE, (long) &signal, 0, 0, 0,
				     0, 0);
	}
}

long __uring_wasm_syscall(long nr, long a, long b, long c, long d, long e,
			  long f)
{
	volatile struct host_call call;

	do {
		call.nr = nr;
		call.args[0] = a;
		call.args[1] = b;
		call.args[2] = c;
		call.args[3] = d;
		call.args[4] = e;
		call.args[5] = f;
		call.signals = 0;
		host_syscall((unsigned int) (unsigned long) &call);
		if (call.signals)
			handle_signals();
	} while (call.nr == HOST_RESTART);
	return call.nr;
}
