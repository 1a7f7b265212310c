/* SPDX-License-Identifier: MIT */
/*
 * Description: NOPs, which cost what a request costs when it does nothing, in
 * one or several rings by turns, in one or several threads.
 * Arguments: milliseconds, for_each or peek, default, defer or sqpoll, NOPs in
 * a batch, entries of a ring, rings of a thread, threads.
 */
#include <pthread.h>

#include "batches.h"

#define MAX_RINGS   64
#define MAX_THREADS 64

static _Thread_local struct io_uring rings[MAX_RINGS];
static unsigned int batch, entries, count;
static const char *setup;
static bench_loop loop;
static double ms;
static pthread_barrier_t barrier;

static void prepare(struct io_uring_sqe *sqe, unsigned int index)
{
	(void) index;
	io_uring_prep_nop(sqe);
}

static void check(const struct io_uring_cqe *cqe)
{
	if (cqe->res)
		bench_fail("NOP");
}

static void for_each(unsigned long operations)
{
	for (unsigned long done = 0; done < operations;)
		for (unsigned int i = 0; i < count; i++, done += batch)
			run_batch(&rings[i], batch, prepare, check, FOR_EACH);
}

static void peek(unsigned long operations)
{
	for (unsigned long done = 0; done < operations;)
		for (unsigned int i = 0; i < count; i++, done += batch)
			run_batch(&rings[i], batch, prepare, check, PEEK);
}

static void together(void)
{
	pthread_barrier_wait(&barrier);
}

static void *thread(void *rate)
{
	for (unsigned int i = 0; i < count; i++)
		open_ring(&rings[i], entries, setup);
	*(double *) rate = 1 / bench_time(loop, ms);
	for (unsigned int i = 0; i < count; i++)
		io_uring_queue_exit(&rings[i]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t others[MAX_THREADS];
	double rates[MAX_THREADS], rate = 0;
	unsigned int threads;

	if (argc != 8)
		bench_fail("usage: nop MS for_each|peek default|defer|sqpoll "
			   "BATCH ENTRIES RINGS THREADS");
	ms = atof(argv[1]);
	loop = strcmp(argv[2], "peek") ? for_each : peek;
	setup = argv[3];
	batch = atoi(argv[4]);
	entries = atoi(argv[5]);
	count = atoi(argv[6]);
	threads = atoi(argv[7]);
	if (!batch || !count || count > MAX_RINGS || !threads ||
	    threads > MAX_THREADS)
		bench_fail("batches of 1, 1 to 64 rings, 1 to 64 threads");
	pthread_barrier_init(&barrier, NULL, threads);
	bench_before = together;
	for (unsigned int i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, thread, &rates[i]))
			bench_fail("pthread_create");
	thread(&rates[0]);
	for (unsigned int i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	for (unsigned int i = 0; i < threads; i++)
		rate += rates[i];
	bench_report(1 / rate);
	return 0;
}
