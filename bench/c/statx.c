/* SPDX-License-Identifier: MIT */
/*
 * Description: statx of the files of a tree, 32 in a batch.
 * Arguments: milliseconds, the tree.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "batches.h"
#include "tree.h"

#define DEPTH 32
#define SIZE  1024

static struct io_uring ring;
static struct statx results[DEPTH];
static unsigned int next;

static void prepare(struct io_uring_sqe *sqe, unsigned int index)
{
	io_uring_prep_statx(sqe, AT_FDCWD, tree_paths[next++ % TREE_FILES], 0,
			    STATX_BASIC_STATS, &results[index]);
	io_uring_sqe_set_data64(sqe, index);
}

static void check(const struct io_uring_cqe *cqe)
{
	if (cqe->res || results[io_uring_cqe_get_data64(cqe)].stx_size != SIZE)
		bench_fail("statx");
}

static void stat_files(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += DEPTH)
		run_batch(&ring, DEPTH, prepare, check, FOR_EACH);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		bench_fail("usage: statx MS TREE");
	name_tree(argv[2]);
	open_ring(&ring, 64, "coop");
	bench_measure(stat_files, atof(argv[1]));
	io_uring_queue_exit(&ring);
	return 0;
}
