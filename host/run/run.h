/* SPDX-License-Identifier: MIT */
/*
 * Description: what the parts of the program runner share.
 *
 * The runner gives a C program in wasm a whole process: all of its memory is in
 * the window, and its system calls are made as they are, but for those that
 * deal with memory, threads, signals and processes. It is a shared object of
 * its own (dist/run.node), which the library never loads. There is one program
 * a process, so the state is global.
 */
#ifndef LIBURING_WASM_RUN_H
#define LIBURING_WASM_RUN_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../wasm/libc/arch/host.h"
#include "../window.h"

/* The window that the rings of host/ring.c are in; see memory.c. */
extern struct window run_window;

/* What the system calls' host function tells JavaScript to do. */
enum run_request {
	RUN_NOTHING = 0,
	RUN_START_SPAWNER = 1, /* then make the call again */
	RUN_EXIT_THREAD = 2,
};

#define MAX_SIGNAL 64

/* A thread of the program's; see thread.c. */
struct run_thread {
	volatile int pending; /* signals wait in @queue; see syscall.c */
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

extern __thread struct run_thread *run_thread;

/* Guards the window's pages and host/ring.c's lists. */
void run_lock(void);
void run_unlock(void);
/* Takes it in the child of a fork, where it is held in the parent's name. */
void run_relock(void);

/* memory.c */
long memory_open(void *linear_memory);
long memory_map_image(uintptr_t end);
long memory_mmap(const long args[6]);
long memory_munmap(uintptr_t address, size_t length);
long memory_mprotect(uintptr_t address, size_t length, int prot);
long memory_mremap(const long args[6]);
long memory_madvise(uintptr_t address, size_t length, int advice);
/* In the child of a fork: copies what fork(2) copies. 0 or -errno. */
long memory_make_private(void);
/* prlimit64(2) for RLIMIT_AS, which the rest of the process could not bear. */
long memory_limit(const void *new_limit, void *old_limit);

/* rings.c */
long rings_setup(const long args[6]);
long rings_enter(const long args[6]);
long rings_register(const long args[6]);
void rings_close_fd(int fd);
/* mmap of a ring's fd; false if @fd is none of a ring. */
bool rings_mmap(int fd, uintptr_t address, size_t length, uint64_t offset,
		long *result);
bool rings_munmap(uintptr_t address);

/* syscall.c */
long run_syscall(long nr, const long args[6]);
/* Carries out @call, in the thread whose call it is. */
enum run_request run_make_call(struct host_call *call);
/* Has it carried out there. */
enum run_request run_host_call(struct host_call *call);

/* signal.c */
void signal_open(void);
long signal_action(const long args[6]);
long signal_next(struct host_signal *signal);
long signal_done(const struct host_signal *signal);
_Noreturn void signal_die(int number);

/* thread.c */
void thread_open(void);
/* Makes Workers ready, for a program that will start threads. */
void thread_prepare(void);
enum run_request thread_start(struct host_call *call);
enum run_request thread_call(struct run_thread *thread, struct host_call *call);
enum run_request thread_end(struct run_thread *thread);
void thread_forked(void);
/* Blocks until a Worker is wanted. */
void thread_wait_for_demand(void);
/* Blocks until this Worker has a thread to run. */
void thread_wait_for_start(bool is_new, unsigned long parameters[4]);
_Noreturn void thread_exit_main(int status);

/* process.c */
void process_open(const char *program, char *const *runner);
/* Keeps the fds in @list ("0,1,2") open over an execve(2). */
void process_inherit(const char *list);
/* @mask: the calling thread's, if another makes the call in its place. */
long process_fork(const unsigned long *mask);
long process_exec(const char *path, char *const *argv, char *const *envp);
long process_readlink(const long args[6], long nr);

#endif
