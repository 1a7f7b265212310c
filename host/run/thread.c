/* SPDX-License-Identifier: MIT */
/* Description: a program's threads. */
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lock.h"

#define NATIVE_STACK_SIZE (256UL << 10)
#define SPINS		  200
/* how many Workers wait for threads, once the program has started one */
#define RESERVE 2

enum { IDLE, CALLED, ANSWERED, ENDING };

static thread_make_call make_call;
static struct run_thread *first, **last = &first; /* without a Worker yet */
static bool has_spawner;
static volatile int wanted;   /* Workers that the spawner has to make */
static volatile int waiting;  /* Workers that have no thread */
static int reserve;	      /* the same, and those that will be there soon */
static volatile int arrivals; /* changes with each thread in the list */

static void wait_for_change(volatile int *word, int value)
{
	for (int i = 0; i < SPINS; i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
			return;
		__builtin_ia32_pause();
	}
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void set(volatile int *word, int value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void block_all_signals(void)
{
	unsigned long all = ~0UL;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
}

void thread_open(thread_make_call call)
{
	make_call = call;
	run_thread = calloc(1, sizeof(*run_thread));
	if (!run_thread)
		abort();
	run_thread->tid = gettid();
}

/* The native thread: makes calls until the last. */
static void *make_calls(void *argument)
{
	struct run_thread *thread = argument;

	run_thread = thread;
	set(&thread->tid, gettid());
	for (;;) {
		int state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);

		if (state == ENDING)
			return NULL;
		if (state != CALLED) {
			wait_for_change(&thread->state, state);
			continue;
		}
		thread->request = make_call(thread->call);
		set(&thread->state, ANSWERED);
	}
}

enum run_request thread_call(struct run_thread *thread, struct host_call *call)
{
	thread->call = call;
	set(&thread->state, CALLED);
	while (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == CALLED)
		wait_for_change(&thread->state, CALLED);
	return thread->request;
}

enum run_request thread_end(struct run_thread *thread)
{
	set(&thread->state, ENDING);
	pthread_join(thread->native, NULL);
	/* the kernel does this for CLONE_CHILD_CLEARTID */
	*thread->ctid = 0;
	syscall(SYS_futex, thread->ctid, FUTEX_WAKE, 1, NULL, NULL, 0);
	free(thread);
	run_thread = NULL;
	return RUN_EXIT_THREAD;
}

/* Precondition: the lock. */
static void fill_reserve(void)
{
	while (reserve < RESERVE) {
		reserve++;
		set(&wanted, wanted + 1);
	}
}

/* 0 or a positive errno, as pthread_create(3) returns it. */
static int start_native(struct run_thread *thread)
{
	pthread_attr_t attr;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, NATIVE_STACK_SIZE);
	error = pthread_create(&thread->native, &attr, make_calls, thread);
	pthread_attr_destroy(&attr);
	return error;
}

enum run_request thread_start(struct host_call *call)
{
	struct run_thread *thread;
	int error;

	run_lock();
	if (!has_spawner) {
		has_spawner = true;
		run_unlock();
		return RUN_START_SPAWNER;
	}
	run_unlock();
	thread = calloc(1, sizeof(*thread));
	if (!thread) {
		call->nr = -ENOMEM;
		return RUN_NOTHING;
	}
	thread->has_native = true;
	for (int i = 0; i < 4; i++)
		thread->start[i] = (unsigned long) call->args[i];
	thread->ctid = (volatile int *) call->args[4];
	error = start_native(thread);
	if (error) {
		free(thread);
		call->nr = -error;
		return RUN_NOTHING;
	}
	while (!thread->tid)
		wait_for_change(&thread->tid, 0);
	call->nr = thread->tid;
	*(volatile int *) call->args[5] = thread->tid;
	run_lock();
	*last = thread;
	last = &thread->next;
	reserve--;
	fill_reserve();
	set(&arrivals, arrivals + 1);
	run_unlock();
	return RUN_NOTHING;
}

void thread_prepare(void)
{
	run_lock();
	has_spawner = true;
	fill_reserve();
	run_unlock();
	while (!waiting)
		wait_for_change(&waiting, 0);
}

/* libuv aborts if what it opens gets one of the first three fds. */
static void occupy_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_PATH | O_CLOEXEC);
}

void thread_wait_for_demand(void)
{
	block_all_signals();
	for (;;) {
		int value = wanted;

		if (!value) {
			wait_for_change(&wanted, 0);
		} else if (__atomic_compare_exchange_n(
				   &wanted, &value, value - 1, false,
				   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			occupy_standard_fds();
			return;
		}
	}
}

void thread_wait_for_start(bool is_new, unsigned long parameters[4])
{
	block_all_signals();
	run_lock();
	if (!is_new)
		reserve++;
	set(&waiting, waiting + 1);
	while (!first) {
		int value = arrivals;

		run_unlock();
		wait_for_change(&arrivals, value);
		run_lock();
	}
	run_thread = first;
	first = first->next;
	if (!first)
		last = &first;
	waiting--;
	run_unlock();
	for (int i = 0; i < 4; i++)
		parameters[i] = run_thread->start[i];
}

void thread_forked(void)
{
	run_thread->has_native = false;
	run_thread->tid = gettid();
	run_thread->count = 0;
	run_thread->pending = 0;
	first = NULL;
	last = &first;
	has_spawner = false;
	wanted = 0;
	waiting = 0;
	reserve = 0;
}

void thread_exit_main(int status)
{
	for (;;)
		syscall(SYS_exit, status);
}
