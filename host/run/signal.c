/* SPDX-License-Identifier: MIT */
/* Description: signals whose handlers are in wasm. */
#include "signal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "call.h"
#include "lock.h"

/* struct sigaction as system calls have it */
struct kernel_action {
	unsigned long handler;
	unsigned long flags;
	unsigned long restorer;
	unsigned long mask;
};

static struct kernel_action actions[MAX_SIGNAL + 1];
static volatile int masked; /* threads that have answered mask_others() */

static unsigned long set_mask(int how, unsigned long mask)
{
	unsigned long old = 0;

	syscall(SYS_rt_sigprocmask, how, &mask, &old, sizeof(mask));
	return old;
}

static bool is_pending(const struct run_thread *thread, int number)
{
	for (unsigned int i = 0; i < thread->count; i++)
		if (thread->queue[i].si_signo == number)
			return true;
	return false;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	greg_t *pc = &((ucontext_t *) context)->uc_mcontext.gregs[REG_RIP];
	struct run_thread *thread = run_thread;

	/* like the kernel, queue real-time signals only */
	if (thread->count < 2 * MAX_SIGNAL &&
	    (number >= 32 || !is_pending(thread, number)))
		thread->queue[thread->count++] = *info;
	thread->pending = 1;
	if (*pc >= (greg_t) run_syscall_begin &&
	    *pc <= (greg_t) run_syscall_end)
		*pc = (greg_t) run_syscall_abort;
}

static void on_mask(int number, siginfo_t *info, void *context)
{
	(void) number;
	(void) info;
	memset(&((ucontext_t *) context)->uc_sigmask, -1, 8);
	__atomic_add_fetch(&masked, 1, __ATOMIC_SEQ_CST);
}

/* Whether a thread blocks signal @number, and so will not answer. */
static bool is_blocked(pid_t tid, int number)
{
	unsigned long mask = 0;
	char path[64], line[128];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "SigBlk: %lx", &mask) == 1)
			break;
	if (status)
		fclose(status);
	return mask & 1UL << (number - 1);
}

/*
 * The threads of V8 and libuv must leave the program's signals to the program's
 * threads. Only a thread itself can change its mask, so each of them gets a
 * signal whose handler returns with another mask.
 */
static void mask_others(void)
{
	struct sigaction action = { .sa_sigaction = on_mask,
				    .sa_flags = SA_SIGINFO | SA_RESTART };
	int number = SIGRTMAX, sent = 0;
	struct timespec pause = { 0, 100000 };
	struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");

	if (!tasks)
		return;
	sigaction(number, &action, NULL);
	while ((entry = readdir(tasks))) {
		pid_t tid = (pid_t) atoi(entry->d_name);

		if (tid > 0 && tid != gettid() && !is_blocked(tid, number) &&
		    !syscall(SYS_tgkill, getpid(), tid, number))
			sent++;
	}
	closedir(tasks);
	for (int i = 0; i < 10000 && masked < sent; i++)
		nanosleep(&pause, NULL);
	signal(number, SIG_DFL);
}

/* Undoes what Node has set up. V8 needs SIGSEGV, to find wasm's faults. */
void signal_open(void)
{
	mask_others();
	for (int number = 1; number <= MAX_SIGNAL; number++)
		if (number != SIGSEGV && number != 32 && number != 33)
			signal(number, SIG_DFL);
	set_mask(SIG_SETMASK, 0);
}

static long install(int number, const struct kernel_action *action)
{
	struct sigaction native = { .sa_flags = SA_SIGINFO };

	if (number == SIGSEGV)
		return 0;
	if (action->handler <= 1) {
		native.sa_handler = action->handler ? SIG_IGN : SIG_DFL;
		native.sa_flags =
			(int) action->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT);
	} else {
		native.sa_sigaction = on_signal;
		native.sa_flags |= (int) action->flags &
				   (SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT);
		memset(&native.sa_mask, -1, sizeof(native.sa_mask));
	}
	return sigaction(number, &native, NULL) ? -errno : 0;
}

long signal_action(const long args[6])
{
	const struct kernel_action *action =
		(const struct kernel_action *) args[1];
	struct kernel_action *old = (struct kernel_action *) args[2];
	int number = (int) args[0];
	struct kernel_action before;
	long ret = 0;

	if (number < 1 || number > MAX_SIGNAL || args[3] != 8 ||
	    (action && (number == SIGKILL || number == SIGSTOP)))
		return -EINVAL;
	run_lock();
	before = actions[number];
	if (action) {
		actions[number] = *action;
		/* the native C library uses 32 and 33, too */
		if (number != 32 && number != 33)
			ret = install(number, action);
	}
	run_unlock();
	if (old && !ret)
		*old = before;
	return ret;
}

long signal_next(struct host_signal *signal)
{
	struct run_thread *thread = run_thread;
	unsigned long mask = set_mask(SIG_SETMASK, ~0UL);
	long found = 0;

	while (!found && thread->count) {
		siginfo_t info = thread->queue[0];
		int number = info.si_signo;
		struct kernel_action action = actions[number];

		thread->count--;
		memmove(thread->queue, thread->queue + 1,
			thread->count * sizeof(info));
		if (action.handler <= 1)
			continue;
		*signal = (struct host_signal){ .handler = action.handler,
						.flags = action.flags,
						.mask = mask,
						.number = number };
		memcpy(signal->info, &info, sizeof(signal->info));
		mask |= action.mask;
		if (!(action.flags & SA_NODEFER))
			mask |= 1UL << (number - 1);
		if (action.flags & (unsigned long) SA_RESETHAND) {
			actions[number].handler = 0;
			install(number, &actions[number]);
		}
		found = 1;
	}
	thread->pending = thread->count > 0;
	set_mask(SIG_SETMASK, mask);
	return found;
}

long signal_done(const struct host_signal *signal)
{
	set_mask(SIG_SETMASK, signal->mask);
	return 0;
}

void signal_die(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	syscall(SYS_tgkill, getpid(), gettid(), number);
	_exit(128 + number);
}
