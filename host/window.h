/* SPDX-License-Identifier: MIT */
/*
 * Description: the window, a range of addresses that wasm and the kernel share.
 *
 * One memfd is mapped twice: over part of a wasm linear memory, and at the host
 * address equal to the wasm address of that part. A pointer that wasm code
 * stores is then a pointer the kernel can follow, without translation.
 */
#ifndef LIBURING_WASM_WINDOW_H
#define LIBURING_WASM_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOST_PAGE_SIZE 4096UL

struct area;
struct ring;

struct window {
	int memfd;
	uintptr_t start; /* the same number in wasm and in the host */
	size_t size;
	char *wasm_view; /* the window inside the linear memory, or NULL */

	size_t pages;
	size_t next_fit;     /* page where the next search starts */
	unsigned char *page; /* PAGE_* of each page */

	struct area *areas;    /* of rings */
	struct ring *rings;    /* set up through this window and not closed */
	size_t mirrors;	       /* those of them that the window has a copy of */
	unsigned int features; /* IORING_FEAT_* of the kernel, once asked for */
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

static inline size_t page_align(size_t length)
{
	return (length + HOST_PAGE_SIZE - 1) & ~(HOST_PAGE_SIZE - 1);
}

/* Finds a free range below 4 GiB (below 2 GiB if there is one) and maps it. */
struct window *window_open(size_t size, struct failure *why);

/* Maps the window over the linear memory that starts at @memory. */
int window_attach(struct window *w, void *memory, size_t memory_size,
		  struct failure *why);

/* Closes its rings, gives both mappings back and frees @w. */
void window_close(struct window *w);

bool window_contains(const struct window *w, uintptr_t address, size_t size);

/* Zeroed pages: their address, or -ENOMEM. */
long window_mmap(struct window *w, size_t length);

/*
 * Pages that show what mmap(2) of @fd shows, in the host and in wasm: their
 * address, or -errno.
 */
long window_map(struct window *w, int fd, size_t length, int prot,
		off_t offset);

/* 0, or -EINVAL for a range that these two did not give out. */
int window_munmap(struct window *w, uintptr_t address, size_t length);

/* MADV_DONTFORK and MADV_DOFORK. */
int window_madvise(struct window *w, uintptr_t address, size_t length,
		   int advice);

#endif
