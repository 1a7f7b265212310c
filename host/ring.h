/* SPDX-License-Identifier: MIT */
/*
 * Description: ring memory in pages that wasm and the kernel share.
 *
 * Linux lets nobody choose the address of a ring's mapping, so a ring is set up
 * the other way round, with IORING_SETUP_NO_MMAP on such pages, and a later
 * mmap of the ring fd is answered with those pages. The caller sees a ring that
 * the kernel allocated. Kernels without NO_MMAP (before 6.5), or with one for
 * small rings only (before 6.10), get a copy in the pages: see mirror.h.
 *
 * The owner of a struct rings serializes the calls.
 */
#ifndef LIBURING_WASM_RING_H
#define LIBURING_WASM_RING_H

#include <stdint.h>

#include "pages.h"

struct area;
struct ring;
struct io_uring_params;
struct io_uring_rsrc_update;

/* The rings that were set up in one memory. */
struct rings {
	struct pages *pages;
	struct area *areas;    /* pages that the kernel uses for rings */
	struct ring *list;     /* set up and not closed */
	size_t mirrors;	       /* how many of them are copies */
	unsigned int features; /* IORING_FEAT_* of the kernel; 0: not asked */
};

/* io_uring_setup(2): the ring fd or -errno. */
long ring_setup(struct rings *rings, unsigned int entries,
		struct io_uring_params *p);

/* io_uring_register(2) with IORING_REGISTER_RESIZE_RINGS. 0 or -errno. */
long ring_resize(struct rings *rings, int fd, struct io_uring_params *p,
		 unsigned int nr_args);

/*
 * mmap(2) of a ring fd: an address in the pages, or -errno; -ENODEV if @fd is
 * no ring of these.
 */
long ring_mmap(struct rings *rings, int fd, size_t length, uint64_t offset);

/* munmap(2) of what ring_mmap() returned; false if @address is no such. */
bool ring_munmap(struct rings *rings, uintptr_t address);

/*
 * Before and after io_uring_enter(2): bring the kernel's pages and the copy to
 * the same state, where a ring is a copy. ring_pull() takes what ring_push()
 * returned, unless that is NULL.
 */
struct ring *ring_push(struct rings *rings, int fd, unsigned int flags);
void ring_pull(struct ring *ring);

/*
 * After IORING_REGISTER_RING_FDS or IORING_UNREGISTER_RING_FDS, of which the
 * first @count worked.
 */
void ring_registered(struct rings *rings, unsigned int opcode,
		     const struct io_uring_rsrc_update *fds, long count);

/*
 * Whether @fd was a ring of these, and somebody else has closed it: it may be
 * another file by now.
 */
bool ring_is_stale(struct rings *set, int fd);

/* Forgets a ring whose fd is being closed. */
void ring_closed(struct rings *rings, int fd);

/*
 * Cancels what is in flight on all rings, closes them, and frees their pages.
 */
void rings_close(struct rings *rings);

#endif
