/* SPDX-License-Identifier: MIT */
/*
 * Description: a ring in the kernel's own pages, and a copy of it in ours.
 *
 * Some kernels neither use our pages for a ring nor map theirs where we want
 * them. There, what liburing wrote is copied to the kernel's pages before each
 * io_uring_enter(2), and what the kernel wrote is copied back after it.
 * liburing learns of completions in between when it enters the kernel. The
 * copy's flags make it do that: they say that there may be completions, and
 * with IORING_SETUP_SQPOLL that the thread sleeps.
 */
#ifndef LIBURING_WASM_MIRROR_H
#define LIBURING_WASM_MIRROR_H

#include <stddef.h>

struct io_uring_params;
struct mirror;

/* Maps the ring @fd, for which io_uring_setup(2) returned @p. 0 or -errno. */
long mirror_open(struct mirror **m, int fd, const struct io_uring_params *p);

/* Unmaps the kernel's pages and frees @m. */
void mirror_close(struct mirror *m);

/* Bytes of the copy: SQ and CQ ring in one piece; the SQEs. */
size_t mirror_rings_size(const struct mirror *m);
size_t mirror_sqes_size(const struct mirror *m);

/* Fills in a new copy, whose pages are zero. */
void mirror_start(struct mirror *m, char *rings);

/* Copies what the program wrote to the kernel's pages. */
void mirror_push(struct mirror *m, const char *rings, const char *sqes);

/* Copies what the kernel wrote to the program's pages. */
void mirror_pull(struct mirror *m, char *rings);

#endif
