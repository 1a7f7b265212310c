/* SPDX-License-Identifier: MIT */
/*
 * Description: where the memory of rings comes from.
 *
 * Rings have to be in pages that wasm, the process and the kernel reach at the
 * same addresses. The library has them from its window (window.c), the runner
 * of C programs from the program's memory (run/memory.c). ring.c works on
 * either, by these operations.
 *
 * Whoever owns the pages serializes the calls.
 */
#ifndef LIBURING_WASM_PAGES_H
#define LIBURING_WASM_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_PAGE_SIZE 4096UL

static inline size_t page_align(size_t length)
{
	return (length + HOST_PAGE_SIZE - 1) & ~(HOST_PAGE_SIZE - 1);
}

struct pages;

struct pages_ops {
	/* Whether @size bytes at @address are all in this memory. */
	bool (*contains)(const struct pages *pages, uintptr_t address,
			 size_t size);

	/*
	 * Allocates @length bytes, rounded up to pages, zeroed. Returns their
	 * address, or -EINVAL for 0 bytes, or -ENOMEM.
	 */
	long (*mmap)(struct pages *pages, size_t length);

	/* Frees what @mmap returned. 0, or -EINVAL for another range. */
	int (*munmap)(struct pages *pages, uintptr_t address, size_t length);
};

/* Embedded in what implements the operations. */
struct pages {
	const struct pages_ops *ops;
};

static inline bool pages_contain(const struct pages *pages, uintptr_t address,
				 size_t size)
{
	return pages->ops->contains(pages, address, size);
}

static inline long pages_mmap(struct pages *pages, size_t length)
{
	return pages->ops->mmap(pages, length);
}

static inline int pages_munmap(struct pages *pages, uintptr_t address,
			       size_t length)
{
	return pages->ops->munmap(pages, address, length);
}

#endif
