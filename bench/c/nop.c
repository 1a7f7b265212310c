/* SPDX-License-Identifier: MIT */
/*
 * Description: NOPs, which cost what a request costs when it does nothing.
 * Arguments: milliseconds, peek or for_each, NOPs in a batch.
 */
#include <liburing.h>
#include <string.h>

#include "bench.h"

static struct io_uring ring;
static unsigned int batch;

static void submit(void)
{
	for (unsigned int i = 0; i < batch; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		if (!sqe)
			bench_fail("the SQ ring is full");
		io_uring_prep_nop(sqe);
	}
	if (io_uring_submit_and_wait(&ring, batch) != (int) batch)
		bench_fail("io_uring_submit_and_wait");
}

static void peek(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += batch) {
		submit();
		for (unsigned int i = 0; i < batch; i++) {
			struct io_uring_cqe *cqe;

			if (io_uring_peek_cqe(&ring, &cqe) || cqe->res)
				bench_fail("io_uring_peek_cqe");
			io_uring_cqe_seen(&ring, cqe);
		}
	}
}

static void for_each(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += batch) {
		struct io_uring_cqe *cqe;
		unsigned int head, seen = 0;

		submit();
		io_uring_for_each_cqe(&ring, head, cqe)
		{
			if (cqe->res)
				bench_fail("NOP");
			seen++;
		}
		if (seen != batch)
			bench_fail("io_uring_for_each_cqe");
		io_uring_cq_advance(&ring, seen);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		bench_fail("usage: nop MS peek|for_each BATCH");
	batch = atoi(argv[3]);
	if (io_uring_queue_init(64, &ring, 0))
		bench_fail("io_uring_queue_init");
	bench_measure(strcmp(argv[2], "peek") ? for_each : peek, atof(argv[1]));
	io_uring_queue_exit(&ring);
	return 0;
}
