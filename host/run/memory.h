/* SPDX-License-Identifier: MIT */
/*
 * Description: the program's memory, from which its rings have their pages,
 * too.
 *
 * The functions take the lock themselves.
 */
#ifndef LIBURING_WASM_RUN_MEMORY_H
#define LIBURING_WASM_RUN_MEMORY_H

#include "../pages.h"

/* The program's memory, for ring.c and rings.c. Precondition: the lock. */
extern struct pages run_pages;

/*
 * Reserves both views of the memory: at its addresses in the process, and in
 * the linear memory at @linear_memory. 0 or -errno.
 */
long memory_open(void *linear_memory);

/* Maps the module's data, from the memory's start to @end. 0 or -errno. */
long memory_map_image(uintptr_t end);

/* Whether [@from, @to) overlaps one of the two views. */
bool memory_overlaps(uintptr_t from, uintptr_t to);

/* System calls, but for mappings of rings. */
long memory_mmap(const long args[6]);
long memory_munmap(uintptr_t address, size_t length);
long memory_mprotect(uintptr_t address, size_t length, int prot);
long memory_mremap(const long args[6]);
long memory_madvise(uintptr_t address, size_t length, int advice);

/*
 * In the child of a fork: copies what fork(2) copies, as the pages of the two
 * views are shared mappings to the kernel. 0 or -errno.
 */
long memory_make_private(void);

/*
 * prlimit64(2) for RLIMIT_AS. The limit holds for the program's memory alone:
 * the rest of the process could not run under it.
 */
long memory_limit(const void *new_limit, void *old_limit);

#endif
