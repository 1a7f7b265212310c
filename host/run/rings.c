/* SPDX-License-Identifier: MIT */
/* Description: a program's rings, in its own memory. */
#include "rings.h"

#include <errno.h>
#include <liburing/compat.h>
#include <liburing/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../ring.h"
#include "call.h"
#include "lock.h"
#include "memory.h"

#ifndef IORING_MAP_OFF_PARAM_REGION
#define IORING_MAP_OFF_PARAM_REGION 0x20000000ULL /* io_uring/memmap.h */
#endif

/* Pages of a ring that mmap(2) finds by an offset of its fd. */
struct region {
	int fd;
	uint64_t offset;
	uintptr_t address;
	size_t length;
	bool mapped;
	bool registered;
	struct region *next;
};

static struct rings rings = { .pages = &run_pages };
static struct region *regions;

static void forget(struct region *region)
{
	struct region **link = &regions;

	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
	free(region);
}

/* The ring is closed, or the registration undone. */
static void release(struct region *region)
{
	region->registered = false;
	if (region->mapped)
		return;
	pages_munmap(&run_pages, region->address, region->length);
	forget(region);
}

static struct region *find(int fd, uint64_t offset)
{
	struct region *region = regions;

	while (region && (!region->registered || region->fd != fd ||
			  region->offset != offset))
		region = region->next;
	return region;
}

static long allocate(int fd, uint64_t offset, size_t length,
		     struct region **result)
{
	struct region *region = calloc(1, sizeof(*region));
	long address = region ? pages_mmap(&run_pages, length) : -ENOMEM;

	if (address < 0) {
		free(region);
		return address;
	}
	*region = (struct region){ .fd = fd,
				   .offset = offset,
				   .address = (uintptr_t) address,
				   .length = page_align(length),
				   .registered = true,
				   .next = regions };
	regions = region;
	*result = region;
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
	struct region *region;
	long call[6], ret;

	memcpy(&copy, (void *) args[2], sizeof(copy));
	if (!(copy.flags & IOU_PBUF_RING_MMAP) || !copy.ring_entries ||
	    copy.ring_entries > 32768)
		return run_syscall(SYS_io_uring_register, args);
	ret = allocate(fd, buffers_offset(copy.bgid),
		       copy.ring_entries * sizeof(struct io_uring_buf),
		       &region);
	if (ret)
		return ret;
	copy.flags &= (__u16) ~IOU_PBUF_RING_MMAP;
	copy.ring_addr = region->address;
	memcpy(call, args, sizeof(call));
	call[2] = (long) &copy;
	ret = run_syscall(SYS_io_uring_register, call);
	if (ret < 0)
		release(region);
	return ret;
}

static long register_region(int fd, const long args[6])
{
	struct io_uring_mem_region_reg *reg =
		(struct io_uring_mem_region_reg *) args[2];
	struct io_uring_region_desc *desc =
		(struct io_uring_region_desc *) reg->region_uptr;
	struct region *region;
	long ret;

	if (!pages_contain(&run_pages, (uintptr_t) desc, sizeof(*desc)) ||
	    desc->flags || desc->user_addr || !desc->size ||
	    desc->size % HOST_PAGE_SIZE)
		return run_syscall(SYS_io_uring_register, args);
	ret = allocate(fd, IORING_MAP_OFF_PARAM_REGION, desc->size, &region);
	if (ret)
		return ret;
	desc->flags = IORING_MEM_REGION_TYPE_USER;
	desc->user_addr = region->address;
	ret = run_syscall(SYS_io_uring_register, args);
	desc->flags = 0;
	desc->user_addr = 0;
	if (ret < 0)
		release(region);
	else
		desc->mmap_offset = IORING_MAP_OFF_PARAM_REGION;
	return ret;
}

long rings_setup(const long args[6])
{
	long ret;

	run_lock();
	ret = ring_setup(&rings, (unsigned int) args[0],
			 (struct io_uring_params *) args[1]);
	run_unlock();
	return ret;
}

long rings_enter(const long args[6])
{
	struct ring *ring = NULL;
	long ret;

	if (rings.mirrors) {
		run_lock();
		ring = ring_push(&rings, (int) args[0], (unsigned int) args[3]);
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
	struct region *region;
	long ret;

	if (args[2] && !pages_contain(&run_pages, (uintptr_t) args[2], 1))
		return run_syscall(SYS_io_uring_register, args);
	switch (opcode) {
	case IORING_REGISTER_RESIZE_RINGS:
		if (!args[2])
			break;
		return ring_resize(&rings, fd,
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

		region = find(fd, buffers_offset(reg->bgid));
		if (region)
			release(region);
	}
	if (opcode == IORING_REGISTER_RING_FDS ||
	    opcode == IORING_UNREGISTER_RING_FDS)
		ring_registered(&rings, opcode,
				(struct io_uring_rsrc_update *) args[2], ret);
	return ret;
}

/* These use the lists, under the lock. The others may block. */
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
	ring_closed(&rings, fd);
	for (struct region *region = regions, *next; region; region = next) {
		next = region->next;
		if (region->fd == fd && region->registered)
			release(region);
	}
	run_unlock();
}

/* Whether @fd is a ring, whose mmap the kernel would place itself. */
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
	struct region *region = find(fd, offset);

	if (!region && !is_ring(fd))
		return false;
	if (address) {
		*result = -EINVAL; /* as the kernel since 6.4 */
	} else if (region) {
		*result = -EINVAL;
		if (length && length <= region->length) {
			region->mapped = true;
			*result = (long) region->address;
		}
	} else {
		*result = ring_mmap(&rings, fd, length, offset);
	}
	return true;
}

bool rings_munmap(uintptr_t address)
{
	struct region *region = regions;

	while (region && (region->address != address || !region->mapped))
		region = region->next;
	if (!region)
		return ring_munmap(&rings, address);
	/* while it is registered, it can be mapped again */
	region->mapped = false;
	if (!region->registered)
		release(region);
	return true;
}
