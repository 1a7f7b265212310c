/* SPDX-License-Identifier: MIT */
/*
 * Description: small files opened, read and closed, each as a chain of three
 * linked requests, 32 chains in a batch.
 * Arguments: milliseconds, the tree.
 */
#include <fcntl.h>

#include "batches.h"
#include "tree.h"

#define CHAINS 32
#define SIZE   1024

static struct io_uring ring;
static unsigned int buffers[CHAINS][SIZE / sizeof(unsigned int)];
static unsigned int next, numbers[CHAINS];

static void prepare(struct io_uring_sqe *sqe, unsigned int index)
{
	unsigned int chain = index / 3;

	switch (index % 3) {
	case 0:
		numbers[chain] = next++ % TREE_FILES;
		io_uring_prep_openat_direct(sqe, AT_FDCWD,
					    tree_paths[numbers[chain]],
					    O_RDONLY, 0, chain);
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		break;
	case 1:
		io_uring_prep_read(sqe, chain, buffers[chain], SIZE, 0);
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
		break;
	default:
		io_uring_prep_close_direct(sqe, chain);
	}
	io_uring_sqe_set_data64(sqe, index);
}

static void check(const struct io_uring_cqe *cqe)
{
	unsigned int index = io_uring_cqe_get_data64(cqe);
	unsigned int chain = index / 3;

	if (index % 3 != 1) {
		if (cqe->res)
			bench_fail("a file cannot be opened or closed");
	} else if (cqe->res != SIZE || buffers[chain][0] != numbers[chain]) {
		bench_fail("a wrong file was read");
	}
}

static void read_files(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += CHAINS)
		run_batch(&ring, 3 * CHAINS, prepare, check, FOR_EACH);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		bench_fail("usage: small MS TREE");
	name_tree(argv[2]);
	open_ring(&ring, 128, "coop");
	if (io_uring_register_files_sparse(&ring, CHAINS))
		bench_fail("io_uring_register_files_sparse");
	bench_measure(read_files, atof(argv[1]));
	io_uring_queue_exit(&ring);
	return 0;
}
