/* SPDX-License-Identifier: MIT */
/*
 * Description: the window, a range of addresses that wasm and the kernel share.
 *
 * One memfd is mapped twice: over part of a wasm linear memory, and at the host
 * address equal to the wasm address of that part. A pointer that wasm code
 * stores is then a pointer the kernel can follow, without translation.
 *
 * A window belongs to one thread, which makes all calls.
 */
#ifndef LIBURING_WASM_WINDOW_H
#define LIBURING_WASM_WINDOW_H

#include <sys/types.h>

#include "pages.h"

struct window {
	struct pages pages; /* these operations, for ring.c */
	int memfd;
	uintptr_t start; /* the same number in wasm and in the host */
	size_t size;
	char *wasm_view; /* the window inside the linear memory, or NULL */

	size_t page_count;
	size_t next_fit;     /* page where the next search starts */
	unsigned char *page; /* PAGE_* of each page */
};

enum {
	PAGE_FREE = 0,
	PAGE_USED = 1,
	PAGE_MAPPED = 2, /* shows something else than the memfd */
};

/* Which call failed, for an error message. */
struct failure {
	int error; /* -errno */
	const char *syscall;
};

/*
 * Finds a free range of @size bytes below 4 GiB (below 2 GiB if there is one)
 * and maps it. Returns NULL and fills in @why if there is none.
 */
struct window *window_open(size_t size, struct failure *why);

/*
 * Maps the window over the linear memory of @memory_size bytes that starts at
 * @memory. 0 or -errno, with @why filled in. A window is attached once.
 */
int window_attach(struct window *w, void *memory, size_t memory_size,
		  struct failure *why);

/*
 * Unmaps both views and frees @w. Precondition: nothing in the kernel writes to
 * its pages any more, so rings_close() comes first.
 */
void window_close(struct window *w);

/* Whether @size bytes at @address are all in the window. */
bool window_contains(const struct window *w, uintptr_t address, size_t size);

/* Zeroed pages: their address, -EINVAL for 0 bytes, or -ENOMEM. */
long window_mmap(struct window *w, size_t length);

/*
 * Pages that show what mmap(2) of @fd shows, in the host and in wasm: their
 * address, or -errno.
 */
long window_map(struct window *w, int fd, size_t length, int prot,
		off_t offset);

/* Frees pages. 0, or -EINVAL for a range that the two above did not return. */
int window_munmap(struct window *w, uintptr_t address, size_t length);

/* madvise(2) for MADV_DONTFORK and MADV_DOFORK, of both views. 0 or -errno. */
int window_madvise(struct window *w, uintptr_t address, size_t length,
		   int advice);

#endif
