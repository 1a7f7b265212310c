/* SPDX-License-Identifier: MIT */
/*
 * Description: times a loop. bench/ts/harness.ts must do the same in
 * TypeScript.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WARM_UP_MS  300
#define FIRST_CHUNK 2048
#define READ_SIZE   4096
#define FILE_BLOCKS 16384

/* Runs a number of operations, which is a multiple of FIRST_CHUNK. */
typedef void (*bench_loop)(unsigned long operations);

/* Called between the warm-up and the measurement. */
static void (*bench_before)(void);

static inline void bench_fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static inline double bench_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/*
 * A number of one of the file's blocks; every program gets the same sequence.
 */
static inline unsigned int bench_next_block(void)
{
	static unsigned int state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % FILE_BLOCKS;
}

/* Runs the loop for a while. Returns the nanoseconds of one operation. */
static inline double bench_time(bench_loop loop, double ms)
{
	unsigned long chunk = FIRST_CHUNK, operations = 0;
	double start, before, elapsed;

	/* caches and clock rate settle, and a chunk grows until it takes 1 ms
	 */
	start = bench_now_ms();
	do {
		before = bench_now_ms();
		loop(chunk);
		if (bench_now_ms() - before < 1)
			chunk *= 2;
	} while (bench_now_ms() - start < WARM_UP_MS);
	if (bench_before)
		bench_before();

	start = bench_now_ms();
	do {
		loop(chunk);
		operations += chunk;
		elapsed = bench_now_ms() - start;
	} while (elapsed < ms);
	return elapsed * 1e6 / operations;
}

static inline void bench_report(double value)
{
	printf("{\"value\":%.3f}\n", value);
}

static inline void bench_measure(bench_loop loop, double ms)
{
	bench_report(bench_time(loop, ms));
}

#endif
