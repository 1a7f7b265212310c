/* SPDX-License-Identifier: MIT */
/* Description: the paths of 10,000 files, in a hundred folders. */
#ifndef TREE_H
#define TREE_H

#include "bench.h"

#define TREE_FILES 10000
#define TREE_PATH  256

static char tree_paths[TREE_FILES][TREE_PATH];

static inline void name_tree(const char *root)
{
	for (int i = 0; i < TREE_FILES; i++) {
		int length = snprintf(tree_paths[i], TREE_PATH, "%s/%02d/%02d",
				      root, i / 100, i % 100);

		if (length >= TREE_PATH)
			bench_fail("the path of the tree is too long");
	}
}

#endif
