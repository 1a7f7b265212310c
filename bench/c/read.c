/* SPDX-License-Identifier: MIT */
/*
 * Description: random 4 KiB reads of a cached file through a ring.
 * Arguments: milliseconds, the file, reads in a batch.
 */
#include <fcntl.h>
#include <liburing.h>

#include "bench.h"

#define MAX_DEPTH  128
#define READ_WORDS (READ_SIZE / sizeof(unsigned int))

static struct io_uring ring;
static int fd;
static unsigned int depth;
static unsigned int buffers[MAX_DEPTH][READ_WORDS]
	__attribute__((aligned(READ_SIZE)));
static unsigned int blocks[MAX_DEPTH];

static void submit(void)
{
	for (unsigned int slot = 0; slot < depth; slot++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		if (!sqe)
			bench_fail("the SQ ring is full");
		blocks[slot] = bench_next_block();
		io_uring_prep_read(sqe, fd, buffers[slot], READ_SIZE,
				   (__u64) blocks[slot] * READ_SIZE);
		io_uring_sqe_set_data64(sqe, slot);
	}
	if (io_uring_submit_and_wait(&ring, depth) != (int) depth)
		bench_fail("io_uring_submit_and_wait");
}

static void read_blocks(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += depth) {
		submit();
		for (unsigned int i = 0; i < depth; i++) {
			struct io_uring_cqe *cqe;
			unsigned int slot;

			if (io_uring_peek_cqe(&ring, &cqe))
				bench_fail("io_uring_peek_cqe");
			slot = io_uring_cqe_get_data64(cqe);
			if (cqe->res != READ_SIZE ||
			    buffers[slot][0] != blocks[slot])
				bench_fail("a wrong block was read");
			io_uring_cqe_seen(&ring, cqe);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		bench_fail("usage: read MS FILE DEPTH");
	fd = open(argv[2], O_RDONLY);
	if (fd < 0)
		bench_fail("open");
	depth = atoi(argv[3]);
	if (depth < 1 || depth > MAX_DEPTH ||
	    io_uring_queue_init(MAX_DEPTH, &ring, 0))
		bench_fail("io_uring_queue_init");
	bench_measure(read_blocks, atof(argv[1]));
	io_uring_queue_exit(&ring);
	return 0;
}
