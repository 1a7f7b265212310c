/* SPDX-License-Identifier: MIT */
/*
 * Description: random 4 KiB reads through a ring.
 * Arguments: milliseconds, the file, cached or direct, plain or registered,
 * reads in a batch.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "batches.h"

#define MAX_DEPTH  128
#define READ_WORDS (READ_SIZE / sizeof(unsigned int))

static struct io_uring ring;
static int fd;
static unsigned int depth;
static unsigned int buffers[MAX_DEPTH][READ_WORDS]
	__attribute__((aligned(READ_SIZE)));
static unsigned int blocks[MAX_DEPTH];

static void prepare(struct io_uring_sqe *sqe, unsigned int slot)
{
	blocks[slot] = bench_next_block();
	io_uring_prep_read(sqe, fd, buffers[slot], READ_SIZE,
			   (__u64) blocks[slot] * READ_SIZE);
	io_uring_sqe_set_data64(sqe, slot);
}

static void prepare_registered(struct io_uring_sqe *sqe, unsigned int slot)
{
	blocks[slot] = bench_next_block();
	io_uring_prep_read_fixed(sqe, 0, buffers[slot], READ_SIZE,
				 (__u64) blocks[slot] * READ_SIZE, slot);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data64(sqe, slot);
}

static void check(const struct io_uring_cqe *cqe)
{
	unsigned int slot = io_uring_cqe_get_data64(cqe);

	if (cqe->res != READ_SIZE || buffers[slot][0] != blocks[slot])
		bench_fail("a wrong block was read");
}

static void plain(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += depth)
		run_batch(&ring, depth, prepare, check, FOR_EACH);
}

static void registered(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += depth)
		run_batch(&ring, depth, prepare_registered, check, FOR_EACH);
}

static void enroll(void)
{
	struct iovec vectors[MAX_DEPTH];

	for (unsigned int slot = 0; slot < depth; slot++)
		vectors[slot] = (struct iovec){ buffers[slot], READ_SIZE };
	if (io_uring_register_files(&ring, &fd, 1) ||
	    io_uring_register_buffers(&ring, vectors, depth))
		bench_fail("io_uring_register_buffers");
}

int main(int argc, char **argv)
{
	bool is_registered;

	if (argc != 6)
		bench_fail("usage: read MS FILE cached|direct "
			   "plain|registered DEPTH");
	fd = open(argv[2],
		  strcmp(argv[3], "direct") ? O_RDONLY : O_RDONLY | O_DIRECT);
	if (fd < 0)
		bench_fail("the file cannot be opened; for O_DIRECT, TMPDIR "
			   "has to be on a disk");
	is_registered = !strcmp(argv[4], "registered");
	depth = atoi(argv[5]);
	if (depth < 1 || depth > MAX_DEPTH)
		bench_fail("a depth of 1 to 128");
	open_ring(&ring, 2 * MAX_DEPTH, "coop");
	if (is_registered)
		enroll();
	bench_measure(is_registered ? registered : plain, atof(argv[1]));
	io_uring_queue_exit(&ring);
	return 0;
}
