/* SPDX-License-Identifier: MIT */
/*
 * Description: makes a system call of the wasm module. Those that deal with
 * memory are handled here, the others are passed on as they are.
 */
#include "syscall.h"

#include <errno.h>
#include <liburing/compat.h>
#include <liburing/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the module is compiled with the system call numbers of x86-64"
#endif

static long pass_on(const long call[7])
{
	long ret = syscall(call[0], call[1], call[2], call[3], call[4], call[5],
			   call[6]);

	return ret < 0 ? -errno : ret;
}

static long do_mmap(struct window *w, struct rings *rings, const long call[7])
{
	size_t length = (size_t) call[2];
	int prot = (int) call[3], flags = (int) call[4], fd = (int) call[5];

	if (prot != (PROT_READ | PROT_WRITE) || flags & MAP_FIXED)
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return window_mmap(w, length);
	return ring_mmap(rings, fd, length, (uint64_t) call[6]);
}

static long do_enter(struct rings *rings, const long call[7])
{
	struct ring *ring =
		ring_push(rings, (int) call[1], (unsigned int) call[4]);
	long ret = pass_on(call);

	if (ring)
		ring_pull(ring);
	return ret;
}

static long do_register(struct rings *rings, const long call[7])
{
	unsigned int opcode =
		(unsigned int) call[2] & ~IORING_REGISTER_USE_REGISTERED_RING;
	bool by_index =
		(unsigned int) call[2] & IORING_REGISTER_USE_REGISTERED_RING;
	long ret;

	if (!by_index && ring_is_stale(rings, (int) call[1]))
		return -EBADF;
	if ((unsigned int) call[2] == IORING_REGISTER_RESIZE_RINGS)
		return ring_resize(rings, (int) call[1],
				   (struct io_uring_params *) call[3],
				   (unsigned int) call[4]);
	ret = pass_on(call);
	if (opcode == IORING_REGISTER_RING_FDS ||
	    opcode == IORING_UNREGISTER_RING_FDS)
		ring_registered(rings, opcode,
				(struct io_uring_rsrc_update *) call[3], ret);
	return ret;
}

/* Somebody else may have closed the ring, and its fd be another file's. */
static long do_close(struct rings *rings, const long call[7])
{
	int fd = (int) call[1];
	bool is_stale = ring_is_stale(rings, fd);

	ring_closed(rings, fd);
	return is_stale ? -EBADF : pass_on(call);
}

long window_syscall(struct window *w, struct rings *rings, const long call[7])
{
	switch (call[0]) {
	case SYS_io_uring_enter:
		return do_enter(rings, call);
	case SYS_io_uring_register:
		return do_register(rings, call);
	case SYS_io_uring_setup:
		return ring_setup(rings, (unsigned int) call[1],
				  (struct io_uring_params *) call[2]);
	case SYS_mmap:
		return do_mmap(w, rings, call);
	case SYS_munmap:
		if (ring_munmap(rings, (uintptr_t) call[1]))
			return 0;
		return window_munmap(w, (uintptr_t) call[1], (size_t) call[2]);
	case SYS_madvise:
		return window_madvise(w, (uintptr_t) call[1], (size_t) call[2],
				      (int) call[3]);
	case SYS_close:
		return do_close(rings, call);
	case SYS_prlimit64:
		return pass_on(call);
	default:
		return -ENOSYS;
	}
}
