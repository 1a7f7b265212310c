/* SPDX-License-Identifier: MIT */
/*
 * Description: ring memory inside the window.
 *
 * Linux lets nobody choose the address of a ring's mapping, so a ring is set up
 * the other way round, with IORING_SETUP_NO_MMAP on pages of the window, and a
 * later mmap of the ring fd answers with those pages. The caller sees a ring
 * that the kernel allocated. Kernels without NO_MMAP (before 6.5), or with one
 * for small rings only (before 6.10), get a copy in the window: see mirror.h.
 */
#ifndef LIBURING_WASM_RING_H
#define LIBURING_WASM_RING_H

#include "window.h"

struct io_uring_params;
struct io_uring_rsrc_update;

/* io_uring_setup(2): the ring fd or -errno. */
long ring_setup(struct window *w, unsigned int entries,
		struct io_uring_params *p);

/* io_uring_register(2) with IORING_REGISTER_RESIZE_RINGS. */
long ring_resize(struct window *w, int fd, struct io_uring_params *p,
		 unsigned int nr_args);

/* mmap(2) of a ring fd: an address in the window, or -errno; -ENODEV if @fd is
 * no ring of ours. */
long ring_mmap(struct window *w, int fd, size_t length, uint64_t offset);

/* munmap(2) of what ring_mmap() gave; false if @address is no such thing. */
bool ring_munmap(struct window *w, uintptr_t address);

/*
 * Around io_uring_enter(2): brings the kernel's pages and the window's to the
 * same state, if they are not the same. ring_pull() is for what ring_push()
 * returned, unless that is NULL.
 */
struct ring *ring_push(struct window *w, int fd, unsigned int flags);
void ring_pull(struct ring *ring);

/*
 * After IORING_REGISTER_RING_FDS or IORING_UNREGISTER_RING_FDS, of which the
 * first @count worked.
 */
void ring_registered(struct window *w, unsigned int opcode,
		     const struct io_uring_rsrc_update *fds, long count);

/* Forgets a ring whose fd is being closed. */
void ring_closed(struct window *w, int fd);

/* Cancels what is in flight on all rings of @w and closes them. */
void rings_close(struct window *w);

#endif
