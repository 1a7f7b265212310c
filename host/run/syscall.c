/* SPDX-License-Identifier: MIT */
/*
 * Description: makes a program's system calls. Those that deal with memory,
 * rings, threads, signals and processes go to the parts of the runner, the
 * others are passed on as they are.
 */
#include "syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "lock.h"
#include "memory.h"
#include "process.h"
#include "rings.h"
#include "signal.h"
#include "thread.h"

static long do_mmap(const long args[6])
{
	int flags = (int) args[3], fd = (int) args[4];
	long ret;

	run_lock();
	if (flags & MAP_ANONYMOUS ||
	    !rings_mmap(fd, (uintptr_t) args[0], (size_t) args[1],
			(uint64_t) args[5], &ret))
		ret = memory_mmap(args);
	run_unlock();
	return ret;
}

static long do_munmap(uintptr_t address, size_t length)
{
	long ret = 0;

	if (!length || address % HOST_PAGE_SIZE)
		return -EINVAL;
	run_lock();
	if (!rings_munmap(address))
		ret = memory_munmap(address, length);
	run_unlock();
	return ret;
}

static long do_prlimit(const long args[6])
{
	bool self = !args[0] || args[0] == getpid();

	if (self && args[1] == RLIMIT_AS)
		return memory_limit((void *) args[2], (void *) args[3]);
	return run_syscall(SYS_prlimit64, args);
}

static long do_dup(long nr, const long args[6])
{
	long ret = run_syscall(nr, args);

	if (ret >= 0 && args[0] != args[1])
		rings_close_fd((int) args[1]);
	return ret;
}

static long dispatch(long nr, const long args[6])
{
	switch (nr) {
	case SYS_io_uring_enter:
		return rings_enter(args);
	case SYS_io_uring_setup:
		return rings_setup(args);
	case SYS_io_uring_register:
		return rings_register(args);
	case SYS_close:
		rings_close_fd((int) args[0]);
		return run_syscall(nr, args);
	case SYS_dup2:
	case SYS_dup3:
		return do_dup(nr, args);

	case SYS_mmap:
		return do_mmap(args);
	case SYS_munmap:
		return do_munmap((uintptr_t) args[0], (size_t) args[1]);
	case SYS_mprotect:
		return memory_mprotect((uintptr_t) args[0], (size_t) args[1],
				       (int) args[2]);
	case SYS_mremap:
		return memory_mremap(args);
	case SYS_madvise:
		return memory_madvise((uintptr_t) args[0], (size_t) args[1],
				      (int) args[2]);
	case SYS_brk:
		return 0; /* no heap of that kind: malloc uses mmap */
	case SYS_prlimit64:
		return do_prlimit(args);
	case SYS_getrlimit:
		if (args[0] == RLIMIT_AS)
			return memory_limit(NULL, (void *) args[1]);
		return run_syscall(nr, args);
	case SYS_setrlimit:
		if (args[0] == RLIMIT_AS)
			return memory_limit((void *) args[1], NULL);
		return run_syscall(nr, args);

	case SYS_rt_sigaction:
		return signal_action(args);
	case SYS_sigaltstack:
		return 0; /* handlers run on wasm's stack */
	case HOST_NEXT_SIGNAL:
		return signal_next((struct host_signal *) args[0]);
	case HOST_SIGNAL_DONE:
		return signal_done((const struct host_signal *) args[0]);

	case SYS_fork:
	case SYS_vfork:
		return process_fork(NULL);
	case SYS_execve:
		return process_exec((const char *) args[0],
				    (char *const *) args[1],
				    (char *const *) args[2]);
	case SYS_readlink:
	case SYS_readlinkat:
		return process_readlink(args, nr);

	case SYS_set_tid_address:
		return run_thread->tid; /* thread.c does it for threads */
	case SYS_clone:
	case SYS_clone3:
	case SYS_arch_prctl: /* the thread pointer is the C library's below us
			      */
	case SYS_rseq:
		return -ENOSYS;
	default:
		return run_syscall(nr, args);
	}
}

enum run_request run_make_call(struct host_call *call)
{
	long args[6];

	if (call->nr == HOST_START_THREAD)
		return thread_start(call);
	memcpy(args, call->args, sizeof(args));
	call->nr = dispatch(call->nr, args);
	call->signals = run_thread->pending;
	return RUN_NOTHING;
}

/*
 * The child of a fork has the forking thread alone. It must be the one that
 * runs the wasm, not the native thread that makes its calls.
 */
static enum run_request fork_for(struct run_thread *thread,
				 struct host_call *call)
{
	unsigned long mask = 0;
	struct host_call ask = {
		.nr = SYS_rt_sigprocmask,
		.args = { SIG_SETMASK, 0, (long) &mask, sizeof(mask) },
	};

	thread_call(thread, &ask);
	call->nr = process_fork(&mask);
	call->signals = 0;
	return RUN_NOTHING;
}

enum run_request run_host_call(struct host_call *call)
{
	struct run_thread *thread = run_thread;

	switch (call->nr) {
	case HOST_EXIT_UNMAPPING:
		do_munmap((uintptr_t) call->args[0], (size_t) call->args[1]);
		/* fallthrough */
	case SYS_exit:
		if (thread->has_native)
			return thread_end(thread);
		thread_exit_main((int) call->args[0]);
	case SYS_fork:
	case SYS_vfork:
		if (thread->has_native)
			return fork_for(thread, call);
	}
	return thread->has_native ? thread_call(thread, call)
				  : run_make_call(call);
}
