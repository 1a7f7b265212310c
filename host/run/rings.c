/* SPDX-License-Identifier: MIT */
/*
 * Description: what the kernel would map where it likes: rings (host/ring.c),
 * rings of provided buffers, and memory regions. They are pages of the window,
 * which the kernel is given, and which the program's mmap gets.
 */
#include <errno.h>
#include <liburing/compat.h>
#include <liburing/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../ring.h"
#include "run.h"

#ifndef IORING_MAP_OFF_PARAM_REGION
#define IORING_MAP_OFF_PARAM_REGION 0x20000000ULL /* io_uring/memmap.h */
#endif

/* Pages of a ring that are found by an offset of its fd. */
struct pages {
	int fd;
	uint64_t offset;
	uintptr_t address;
	size_t length;
	bool mapped;
	bool registered;
	struct pages *next;
};

static struct pages *all_pages;

static void forget(struct pages *pages)
{
	struct pages **link = &all_pages;

	while (*link != pages)
		link = &(*link)->next;
	*link = pages->next;
	free(pages);
}

/* It is over with the ring, or with the registration. */
static void release(struct pages *pages)
{
	pages->registered = false;
	if (pages->mapped)
		return;
	window_munmap(&run_window, pages->address, pages->length);
	forget(pages);
}

static struct pages *find(int fd, uint64_t offset)
{
	struct pages *pages = all_pages;

	while (pages && (!pages->registered || pages->fd != fd ||
			 pages->offset != offset))
		pages = pages->next;
	return pages;
}

static long allocate(int fd, uint64_t offset, size_t length,
		     struct pages **result)
{
	struct pages *pages = calloc(1, sizeof(*pages));
	long address = pages ? window_mmap(&run_window, length) : -ENOMEM;

	if (address < 0) {
		free(pages);
		return address;
	}
	*pages = (struct pages){ .fd = fd,
				 .offset = offset,
				 .address = (uintptr_t) address,
				 .length = page_align(length),
				 .registered = true,
				 .next = all_pages };
	all_pages = pages;
	*result = pages;
	return 0;
}

static uint64_t buffers_offset(unsigned int group)
{
	return IORING_OFF_PBUF_RING |
	       ((uint64_t) group << IORING_OFF_PBUF_SHIFT);
}

static long register_buffer_ring(int fd, const long args[6])
{
	struct io_uring_buf_reg copy;
	struct pages *pages;
	long call[6], ret;

	memcpy(&copy, (void *) args[2], sizeof(copy));
	if (!(copy.flags & IOU_PBUF_RING_MMAP) || !copy.ring_entries ||
	    copy.ring_entries > 32768)
		return run_syscall(SYS_io_uring_register, args);
	ret = allocate(fd, buffers_offset(copy.bgid),
		       copy.ring_entries * sizeof(struct io_uring_buf), &pages);
	if (ret)
		return ret;
	copy.flags &= (__u16) ~IOU_PBUF_RING_MMAP;
	copy.ring_addr = pages->address;
	memcpy(call, args, sizeof(call));
	call[2] = (long) &copy;
	ret = run_syscall(SYS_io_uring_register, call);
	if (ret < 0)
		release(pages);
	return ret;
}

static long register_region(int fd, const long args[6])
{
	struct io_uring_mem_region_reg *reg =
		(struct io_uring_mem_region_reg *) args[2];
	struct io_uring_region_desc *desc =
		(struct io_uring_region_desc *) reg->region_uptr;
	struct pages *pages;
	long ret;

	if (!window_contains(&run_window, (uintptr_t) desc, sizeof(*desc)) ||
	    desc->flags || desc->user_addr || !desc->size ||
	    desc->size % HOST_PAGE_SIZE)
		return run_syscall(SYS_io_uring_register, args);
	ret = allocate(fd, IORING_MAP_OFF_PARAM_REGION, desc->size, &pages);
	if (ret)
		return ret;
	desc->flags = IORING_MEM_REGION_TYPE_USER;
	desc->user_addr = pages->address;
	ret = run_syscall(SYS_io_uring_register, args);
	desc->flags = 0;
	desc->user_addr = 0;
	if (ret < 0)
		release(pages);
	else
		desc->mmap_offset = IORING_MAP_OFF_PARAM_REGION;
	return ret;
}

long rings_setup(const long args[6])
{
	long ret;

	run_lock();
	ret = ring_setup(&run_window, (unsigned int) args[0],
			 (struct io_uring_params *) args[1]);
	run_unlock();
	return ret;
}

long rings_enter(const long args[6])
{
	struct ring *ring = NULL;
	long ret;

	if (run_window.mirrors) {
		run_lock();
		ring = ring_push(&run_window, (int) args[0],
				 (unsigned int) args[3]);
		run_unlock();
	}
	ret = run_syscall(SYS_io_uring_enter, args);
	if (ring) {
		run_lock();
		ring_pull(ring);
		run_unlock();
	}
	return ret;
}

static long do_register(const long args[6])
{
	int fd = (int) args[0];
	unsigned int opcode = (unsigned int) args[1];
	struct pages *pages;
	long ret;

	if (args[2] && !window_contains(&run_window, (uintptr_t) args[2], 1))
		return run_syscall(SYS_io_uring_register, args);
	switch (opcode) {
	case IORING_REGISTER_RESIZE_RINGS:
		if (!args[2])
			break;
		return ring_resize(&run_window, fd,
				   (struct io_uring_params *) args[2],
				   (unsigned int) args[3]);
	case IORING_REGISTER_PBUF_RING:
		if (!args[2] || args[3] != 1)
			break;
		return register_buffer_ring(fd, args);
	case IORING_REGISTER_MEM_REGION:
		if (!args[2] || args[3] != 1)
			break;
		return register_region(fd, args);
	}
	ret = run_syscall(SYS_io_uring_register, args);
	opcode &= ~IORING_REGISTER_USE_REGISTERED_RING;
	if (ret >= 0 && opcode == IORING_UNREGISTER_PBUF_RING) {
		struct io_uring_buf_reg *reg =
			(struct io_uring_buf_reg *) args[2];

		pages = find(fd, buffers_offset(reg->bgid));
		if (pages)
			release(pages);
	}
	if (opcode == IORING_REGISTER_RING_FDS ||
	    opcode == IORING_UNREGISTER_RING_FDS)
		ring_registered(&run_window, opcode,
				(struct io_uring_rsrc_update *) args[2], ret);
	return ret;
}

/* These need the lists; the others may block. */
static bool touches_lists(unsigned int opcode)
{
	switch (opcode & ~IORING_REGISTER_USE_REGISTERED_RING) {
	case IORING_REGISTER_RESIZE_RINGS:
	case IORING_REGISTER_PBUF_RING:
	case IORING_UNREGISTER_PBUF_RING:
	case IORING_REGISTER_MEM_REGION:
	case IORING_REGISTER_RING_FDS:
	case IORING_UNREGISTER_RING_FDS:
		return true;
	default:
		return false;
	}
}

long rings_register(const long args[6])
{
	long ret;

	if (!touches_lists((unsigned int) args[1]))
		return run_syscall(SYS_io_uring_register, args);
	run_lock();
	ret = do_register(args);
	run_unlock();
	return ret;
}

void rings_close_fd(int fd)
{
	run_lock();
	ring_closed(&run_window, fd);
	for (struct pages *pages = all_pages, *next; pages; pages = next) {
		next = pages->next;
		if (pages->fd == fd && pages->registered)
			release(pages);
	}
	run_unlock();
}

/* Whose mmap the kernel answers as it likes. */
static bool is_ring(int fd)
{
	char path[64], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return !strcmp(target, "anon_inode:[io_uring]");
}

bool rings_mmap(int fd, uintptr_t address, size_t length, uint64_t offset,
		long *result)
{
	struct pages *pages = find(fd, offset);

	if (!pages && !is_ring(fd))
		return false;
	if (address) {
		*result = -EINVAL; /* as the kernel since 6.4 */
	} else if (pages) {
		*result = -EINVAL;
		if (length && length <= pages->length) {
			pages->mapped = true;
			*result = (long) pages->address;
		}
	} else {
		*result = ring_mmap(&run_window, fd, length, offset);
	}
	return true;
}

bool rings_munmap(uintptr_t address)
{
	struct pages *pages = all_pages;

	while (pages && (pages->address != address || !pages->mapped))
		pages = pages->next;
	if (!pages)
		return ring_munmap(&run_window, address);
	/* while it is registered, it can be mapped again */
	pages->mapped = false;
	if (!pages->registered)
		release(pages);
	return true;
}
