/* SPDX-License-Identifier: MIT */
/*
 * Description: single calls, without the kernel. Each is called as a function
 * that the compiler does not see into, or inlined.
 * Arguments: milliseconds, call or inline, which.
 */
#include <liburing.h>
#include <string.h>

#include "bench.h"

#define ENTRIES 4096

static struct io_uring ring;
static struct io_uring_sqe sqe;
static struct io_uring_cqe *cqe;
static char buffer[READ_SIZE];

/* endless SQEs: the kernel never sees them */
static inline void get_sqe(unsigned long i)
{
	if (i % ENTRIES == 0)
		ring.sq.sqe_tail = ring.sq.sqe_head;
}

#define CALL(name, function, before, ...)                                \
	static __typeof__(&function) volatile name##_pointer = function; \
	static void name##_called(unsigned long operations)              \
	{                                                                \
		for (unsigned long i = 0; i < operations; i++) {         \
			before;                                          \
			name##_pointer(__VA_ARGS__);                     \
		}                                                        \
	}                                                                \
	static void name##_inlined(unsigned long operations)             \
	{                                                                \
		for (unsigned long i = 0; i < operations; i++) {         \
			before;                                          \
			function(__VA_ARGS__);                           \
			/* the compiler must not skip any of it */       \
			__asm__ volatile("" ::: "memory");               \
		}                                                        \
	}

CALL(prep_1, io_uring_prep_nop, , &sqe)
CALL(prep_3, io_uring_prep_shutdown, , &sqe, 3, (int) i)
CALL(prep_5, io_uring_prep_read, , &sqe, 3, buffer, READ_SIZE, i)
CALL(prep_7, io_uring_prep_splice, , &sqe, 3, i, 4, i, READ_SIZE, 0)
CALL(set_data, io_uring_sqe_set_data64, , &sqe, i)
CALL(get_sqe, io_uring_get_sqe, get_sqe(i), &ring)
CALL(peek, io_uring_peek_cqe, , &ring, &cqe)
CALL(seen, io_uring_cqe_seen, , &ring, cqe)

static const struct {
	const char *name;
	bench_loop called, inlined;
} calls[] = {
	{ "prep-1", prep_1_called, prep_1_inlined },
	{ "prep-3", prep_3_called, prep_3_inlined },
	{ "prep-5", prep_5_called, prep_5_inlined },
	{ "prep-7", prep_7_called, prep_7_inlined },
	{ "set_data", set_data_called, set_data_inlined },
	{ "get_sqe", get_sqe_called, get_sqe_inlined },
	{ "peek", peek_called, peek_inlined },
	{ "seen", seen_called, seen_inlined },
};

int main(int argc, char **argv)
{
	if (argc != 4)
		bench_fail("usage: calls MS call|inline WHICH");
	if (io_uring_queue_init(ENTRIES, &ring, 0))
		bench_fail("io_uring_queue_init");
	/* one completion, to peek at */
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	if (io_uring_submit_and_wait(&ring, 1) != 1 ||
	    io_uring_peek_cqe(&ring, &cqe))
		bench_fail("io_uring_submit_and_wait");
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, argv[3])) {
			bench_measure(strcmp(argv[2], "call") ? calls[i].inlined
							      : calls[i].called,
				      atof(argv[1]));
			return 0;
		}
	bench_fail("no such call");
}
