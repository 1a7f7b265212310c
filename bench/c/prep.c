/* SPDX-License-Identifier: MIT */
/*
 * Description: one io_uring_prep_read(), without a ring.
 * Arguments: milliseconds, call or inline.
 */
#include <liburing.h>
#include <string.h>

#include "bench.h"

static struct io_uring_sqe sqe;
static char buffer[READ_SIZE];

/* volatile, so that the compiler has to call what the pointer points to */
static void (*volatile prep_read)(struct io_uring_sqe *, int, void *,
				  unsigned int, __u64) = io_uring_prep_read;

static void called(unsigned long operations)
{
	for (unsigned long i = 0; i < operations; i++)
		prep_read(&sqe, 3, buffer, READ_SIZE, i);
}

static void inlined(unsigned long operations)
{
	for (unsigned long i = 0; i < operations; i++) {
		io_uring_prep_read(&sqe, 3, buffer, READ_SIZE, i);
		/* the SQE has to be complete each time */
		__asm__ volatile("" ::: "memory");
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		bench_fail("usage: prep MS call|inline");
	bench_measure(strcmp(argv[2], "call") ? inlined : called,
		      atof(argv[1]));
	return 0;
}
