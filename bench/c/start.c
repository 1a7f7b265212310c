/* SPDX-License-Identifier: MIT */
/* Description: a ring, and its first completion. */
#include "batches.h"

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

int main(void)
{
	struct io_uring ring;

	open_ring(&ring, 8, "coop");
	run_batch(&ring, 1, prepare, check, FOR_EACH);
	return 0;
}
