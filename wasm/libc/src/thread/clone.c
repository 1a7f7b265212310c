/* SPDX-License-Identifier: MIT */
/*
 * Description: clone(2) as musl uses it: for threads, which the host runs in
 * Workers, and for the child of posix_spawn(3), for which fork(2) does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>

#include "host.h"
#include "pthread_impl.h"

int __set_thread_area(void *tp);

/* The runner's entry into the module, for a thread. */
__attribute__((export_name("__start_thread"))) void
__start_thread(uintptr_t function, uintptr_t argument, uintptr_t tp)
{
	__set_thread_area((void *) tp);
	((int (*)(void *)) function)((void *) argument);
}

int __clone(int (*function)(void *), void *stack, int flags, void *argument,
	    ...)
{
	va_list rest;
	void *ptid, *tp, *ctid;

	if (flags & CLONE_VFORK) {
		long pid = __syscall(SYS_fork);

		if (!pid)
			__syscall(SYS_exit_group, function(argument));
		return (int) pid;
	}
	if (!(flags & CLONE_THREAD))
		return -ENOSYS;
	va_start(rest, argument);
	ptid = va_arg(rest, void *);
	tp = va_arg(rest, void *);
	ctid = va_arg(rest, void *);
	va_end(rest);
	(void) ctid; /* always __thread_list_lock */
	return (int) __syscall(HOST_START_THREAD, function, argument, stack, tp,
			       ctid, ptid);
}
