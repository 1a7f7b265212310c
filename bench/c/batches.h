/* SPDX-License-Identifier: MIT */
/*
 * Description: rings, and requests in batches: all prepared, submitted with one
 * call that waits for all, looked at. bench/ts/batches.ts is the same.
 */
#ifndef BATCHES_H
#define BATCHES_H

#include <liburing.h>
#include <string.h>

#include "bench.h"

typedef void (*prepare_sqe)(struct io_uring_sqe *sqe, unsigned int index);
typedef void (*check_cqe)(const struct io_uring_cqe *cqe);

enum reap { FOR_EACH, PEEK };

static inline void open_ring(struct io_uring *ring, unsigned int entries,
			     const char *setup)
{
	unsigned int flags = 0;

	if (!strcmp(setup, "defer"))
		flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	else if (!strcmp(setup, "coop"))
		flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
			IORING_SETUP_TASKRUN_FLAG;
	else if (!strcmp(setup, "sqpoll"))
		flags = IORING_SETUP_SQPOLL;
	else if (strcmp(setup, "default"))
		bench_fail("default, coop, defer or sqpoll");
	if (io_uring_queue_init(entries, ring, flags))
		bench_fail("io_uring_queue_init");
}

/* Always inlined, so that prepare and check are, too. */
__attribute__((always_inline)) static inline void
run_batch(struct io_uring *ring, unsigned int batch, prepare_sqe prepare,
	  check_cqe check, enum reap reap)
{
	struct io_uring_cqe *cqe;
	unsigned int head, seen = 0;

	for (unsigned int i = 0; i < batch; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		if (!sqe)
			bench_fail("the SQ ring is full");
		prepare(sqe, i);
	}
	/* where a thread takes SQEs, the number of new ones is unknown */
	if (io_uring_submit_and_wait(ring, batch) < 0)
		bench_fail("io_uring_submit_and_wait");
	if (reap == PEEK) {
		for (unsigned int i = 0; i < batch; i++) {
			if (io_uring_peek_cqe(ring, &cqe))
				bench_fail("io_uring_peek_cqe");
			check(cqe);
			io_uring_cqe_seen(ring, cqe);
		}
		return;
	}
	io_uring_for_each_cqe(ring, head, cqe)
	{
		check(cqe);
		seen++;
	}
	if (seen != batch)
		bench_fail("io_uring_for_each_cqe");
	io_uring_cq_advance(ring, seen);
}

#endif
