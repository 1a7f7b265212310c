/* SPDX-License-Identifier: MIT */
/*
 * Description: a ring in the kernel's own pages, and a copy of it in the
 * window.
 *
 * For kernels that neither use our pages for a ring nor map theirs where we
 * want them. What liburing writes goes to the kernel before each
 * io_uring_enter(2), what the kernel wrote comes back after it. Of completions
 * in between liburing hears when it enters the kernel, which the copy's flags
 * make it do: they say that there could be some, and with IORING_SETUP_SQPOLL
 * that the thread sleeps.
 */
#ifndef LIBURING_WASM_MIRROR_H
#define LIBURING_WASM_MIRROR_H

#include <stddef.h>

struct io_uring_params;
struct mirror;

/* Maps the ring @fd, for which io_uring_setup(2) gave @p. 0 or -errno. */
long mirror_open(struct mirror **m, int fd, const struct io_uring_params *p);

void mirror_close(struct mirror *m);

/* Bytes of the copy: of both rings, as with IORING_FEAT_SINGLE_MMAP; of SQEs */
size_t mirror_rings_size(const struct mirror *m);
size_t mirror_sqes_size(const struct mirror *m);

/* Writes to zeroed pages what never changes, and all that does. */
void mirror_start(struct mirror *m, char *rings);

/* The copy's news to the kernel, and the kernel's to the copy. */
void mirror_push(struct mirror *m, const char *rings, const char *sqes);
void mirror_pull(struct mirror *m, char *rings);

#endif
