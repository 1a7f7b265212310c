/* SPDX-License-Identifier: MIT */
/*
 * Description: copies a ring between the kernel's pages and the window.
 */
#include "mirror.h"

#include <errno.h>
#include <liburing/compat.h>
#include <liburing/io_uring.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct mirror {
	char *rings; /* the kernel's */
	char *sqes;
	size_t rings_size;
	size_t sqes_size;

	/* as the kernel reported them: the program can write to the copy */
	struct io_sqring_offsets sq;
	struct io_cqring_offsets cq;
	uint32_t sq_entries;
	uint32_t cq_entries;
	size_t sqe_size;
	size_t cqe_size;
	bool has_array;
	bool has_thread;      /* IORING_SETUP_SQPOLL */
	uint32_t extra_flags; /* of the copy's SQ ring */

	uint32_t cq_tail; /* of the copy */
};

static uint32_t load(const char *rings, uint32_t offset)
{
	return __atomic_load_n((const uint32_t *) (rings + offset),
			       __ATOMIC_ACQUIRE);
}

static void store(char *rings, uint32_t offset, uint32_t value)
{
	__atomic_store_n((uint32_t *) (rings + offset), value,
			 __ATOMIC_RELEASE);
}

static long map(char **at, size_t size, int fd, off_t offset)
{
	void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, fd, offset);

	if (mapped == MAP_FAILED)
		return -errno;
	*at = mapped;
	return 0;
}

long mirror_open(struct mirror **mirror, int fd,
		 const struct io_uring_params *p)
{
	struct mirror *m;
	size_t sq_size, cq_size;
	long ret;

	/* before 5.4, the two rings have offsets that overlap */
	if (!(p->features & IORING_FEAT_SINGLE_MMAP))
		return -ENOSYS;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->sq = p->sq_off;
	m->cq = p->cq_off;
	m->sq_entries = p->sq_entries;
	m->cq_entries = p->cq_entries;
	m->sqe_size = sizeof(struct io_uring_sqe) *
		      (p->flags & IORING_SETUP_SQE128 ? 2 : 1);
	m->cqe_size = sizeof(struct io_uring_cqe) *
		      (p->flags & IORING_SETUP_CQE32 ? 2 : 1);
	m->has_array = !(p->flags & IORING_SETUP_NO_SQARRAY);
	m->has_thread = p->flags & IORING_SETUP_SQPOLL;
	m->extra_flags = IORING_SQ_TASKRUN;
	if (m->has_thread)
		m->extra_flags |= IORING_SQ_NEED_WAKEUP;

	sq_size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	cq_size = p->cq_off.cqes + p->cq_entries * m->cqe_size;
	m->rings_size = m->has_array && sq_size > cq_size ? sq_size : cq_size;
	m->sqes_size = p->sq_entries * m->sqe_size;
	ret = map(&m->rings, m->rings_size, fd, IORING_OFF_SQ_RING);
	if (!ret)
		ret = map(&m->sqes, m->sqes_size, fd, IORING_OFF_SQES);
	if (ret)
		mirror_close(m);
	else
		*mirror = m;
	return ret;
}

void mirror_close(struct mirror *m)
{
	if (m->rings)
		munmap(m->rings, m->rings_size);
	if (m->sqes)
		munmap(m->sqes, m->sqes_size);
	free(m);
}

size_t mirror_rings_size(const struct mirror *m)
{
	return m->rings_size;
}

size_t mirror_sqes_size(const struct mirror *m)
{
	return m->sqes_size;
}

void mirror_start(struct mirror *m, char *rings)
{
	store(rings, m->sq.ring_mask, m->sq_entries - 1);
	store(rings, m->sq.ring_entries, m->sq_entries);
	store(rings, m->cq.ring_mask, m->cq_entries - 1);
	store(rings, m->cq.ring_entries, m->cq_entries);
	mirror_pull(m, rings);
}

static void push_sqe(struct mirror *m, const char *rings, const char *sqes,
		     uint32_t slot)
{
	uint32_t index = slot;
	size_t offset;

	if (m->has_array) {
		offset = m->sq.array + slot * sizeof(uint32_t);
		index = load(rings, offset);
		store(m->rings, offset, index);
		if (index >= m->sq_entries)
			return; /* the kernel drops it */
	}
	offset = index * m->sqe_size;
	memcpy(m->sqes + offset, sqes + offset, m->sqe_size);
}

void mirror_push(struct mirror *m, const char *rings, const char *sqes)
{
	uint32_t head = load(m->rings, m->sq.head);
	uint32_t tail = load(rings, m->sq.tail);
	uint32_t count = tail - head;

	if (count > m->sq_entries)
		count = m->sq_entries;
	for (uint32_t i = 0; i < count; i++)
		push_sqe(m, rings, sqes, (head + i) & (m->sq_entries - 1));
	if (m->cq.flags) /* since 5.8 */
		store(m->rings, m->cq.flags, load(rings, m->cq.flags));
	store(m->rings, m->cq.head, load(rings, m->cq.head));
	store(m->rings, m->sq.tail, tail);
}

/*
 * The thread completes requests before it gives their SQEs back. liburing would
 * find no SQE free until it enters the kernel again, so wait a moment.
 */
static void wait_for_thread(const struct mirror *m)
{
	uint32_t tail = load(m->rings, m->sq.tail);

	for (int i = 0; i < 1000 && load(m->rings, m->sq.head) != tail; i++)
		sched_yield();
}

void mirror_pull(struct mirror *m, char *rings)
{
	uint32_t mask = m->cq_entries - 1;
	uint32_t tail;

	if (m->has_thread)
		wait_for_thread(m);
	tail = load(m->rings, m->cq.tail);
	if (tail - m->cq_tail > m->cq_entries)
		m->cq_tail = tail - m->cq_entries;
	for (; m->cq_tail != tail; m->cq_tail++) {
		size_t offset = m->cq.cqes + (m->cq_tail & mask) * m->cqe_size;

		memcpy(rings + offset, m->rings + offset, m->cqe_size);
	}
	store(rings, m->cq.overflow, load(m->rings, m->cq.overflow));
	store(rings, m->cq.tail, tail);
	store(rings, m->sq.dropped, load(m->rings, m->sq.dropped));
	store(rings, m->sq.flags, load(m->rings, m->sq.flags) | m->extra_flags);
	store(rings, m->sq.head, load(m->rings, m->sq.head));
}
