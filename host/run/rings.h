/* SPDX-License-Identifier: MIT */
/*
 * Description: the program's rings: what the kernel would map where it likes is
 * pages of the program's memory. That is the rings themselves (host/ring.c),
 * rings of provided buffers, and memory regions. The kernel is given these
 * pages, and the program's mmap gets their address.
 */
#ifndef LIBURING_WASM_RUN_RINGS_H
#define LIBURING_WASM_RUN_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* io_uring_setup(2), io_uring_enter(2) and io_uring_register(2). */
long rings_setup(const long args[6]);
long rings_enter(const long args[6]);
long rings_register(const long args[6]);

/* Forgets what belongs to @fd, which is being closed. */
void rings_close_fd(int fd);

/*
 * mmap(2) of a ring's fd: its result in @result; false if @fd is none of a
 * ring. Precondition: the lock.
 */
bool rings_mmap(int fd, uintptr_t address, size_t length, uint64_t offset,
		long *result);

/*
 * munmap(2) of what rings_mmap() gave; false for another address. Precondition:
 * the lock.
 */
bool rings_munmap(uintptr_t address);

#endif
