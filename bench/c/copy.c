/* SPDX-License-Identifier: MIT */
/*
 * Description: copies a file of 64 MiB, in blocks of 128 KiB, eight at a time.
 * An operation is a block.
 * Arguments: milliseconds, the file, where to copy it.
 */
#include <fcntl.h>

#include "batches.h"

#define BLOCK  (128 * 1024)
#define BLOCKS 512
#define DEPTH  8

static struct io_uring ring;
static int from, to;
static char buffers[DEPTH][BLOCK] __attribute__((aligned(4096)));

static struct slot {
	unsigned int block;
	bool is_read;
} slots[DEPTH];

static void prepare(unsigned int index)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	struct slot *slot = &slots[index];
	__u64 offset = (__u64) slot->block * BLOCK;

	if (!sqe)
		bench_fail("the SQ ring is full");
	if (slot->is_read)
		io_uring_prep_write(sqe, to, buffers[index], BLOCK, offset);
	else
		io_uring_prep_read(sqe, from, buffers[index], BLOCK, offset);
	io_uring_sqe_set_data64(sqe, index);
}

/*
 * Copies all blocks once. A slot writes the block that it read, then reads the
 * next.
 */
static void copy_file(void)
{
	unsigned int next = 0, left = BLOCKS;

	for (unsigned int index = 0; index < DEPTH; index++) {
		slots[index] = (struct slot){ .block = next++ };
		prepare(index);
	}
	while (left) {
		struct io_uring_cqe *cqe;
		unsigned int head, seen = 0;

		if (io_uring_submit_and_wait(&ring, 1) < 0)
			bench_fail("io_uring_submit_and_wait");
		io_uring_for_each_cqe(&ring, head, cqe)
		{
			unsigned int index = io_uring_cqe_get_data64(cqe);
			struct slot *slot = &slots[index];

			if (cqe->res != BLOCK)
				bench_fail("a short copy");
			seen++;
			if (slot->is_read) {
				left--;
				if (next == BLOCKS)
					continue;
				slot->block = next++;
			}
			slot->is_read = !slot->is_read;
			prepare(index);
		}
		io_uring_cq_advance(&ring, seen);
	}
}

static void copy(unsigned long operations)
{
	_Static_assert(FIRST_CHUNK % BLOCKS == 0, "whole files");
	for (unsigned long done = 0; done < operations; done += BLOCKS)
		copy_file();
}

int main(int argc, char **argv)
{
	if (argc != 4)
		bench_fail("usage: copy MS FILE COPY");
	from = open(argv[2], O_RDONLY);
	to = open(argv[3], O_WRONLY | O_CREAT, 0600);
	if (from < 0 || to < 0)
		bench_fail("open");
	open_ring(&ring, 64, "coop");
	bench_measure(copy, atof(argv[1]));
	io_uring_queue_exit(&ring);
	return 0;
}
