/* SPDX-License-Identifier: MIT */
/*
 * Description: io_uring_setup, resizing and mmap of a ring, on window pages.
 */
#include "ring.h"

#include <errno.h>
#include <liburing/compat.h>
#include <liburing/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mirror.h"

/*
 * Pages the kernel uses for a ring, either for both its rings or for its SQEs.
 * Once mapped, they are there until they are unmapped, ring or no ring. SQ and
 * CQ ring are in one area, as with IORING_FEAT_SINGLE_MMAP: who maps them one
 * by one gets the same address, and unmaps both with it.
 */
struct area {
	uintptr_t address;
	size_t length;
	bool mapped;
	struct area *next;
};

struct ring {
	int fd;
	dev_t device; /* tell this ring from a later user of its fd */
	ino_t inode;
	unsigned int flags;
	int registered;	       /* its index for io_uring_enter(2), or -1 */
	bool in_window;	       /* the kernel uses pages of the window */
	struct mirror *mirror; /* the window has a copy, or NULL */
	struct area *rings;    /* SQ and CQ ring */
	struct area *sqes;
	struct ring *next;
};

#define MAX_ENTRIES    32768U /* IORING_MAX_ENTRIES */
#define MAX_CQ_ENTRIES (2 * MAX_ENTRIES)
/* struct io_rings before its CQEs: 64 bytes today, the rest to grow into */
#define RINGS_HEADER HOST_PAGE_SIZE
/* rings and SQEs of one page each */
#ifdef TEST_MIRROR
#define SMALL_RINGS 0
#define SMALL_SQES  0
#else
#define SMALL_RINGS (RINGS_HEADER + HOST_PAGE_SIZE)
#define SMALL_SQES  HOST_PAGE_SIZE
#endif
/* flags that could change what a ring needs, and that nobody here knows yet */
#define UNKNOWN_FLAGS (~((IORING_SETUP_SQ_REWIND << 1) - 1))

static long setup(unsigned int entries, struct io_uring_params *p)
{
	long ret = syscall(SYS_io_uring_setup, entries, p);

	return ret < 0 ? -errno : ret;
}

static long do_register(int fd, unsigned int opcode, void *arg,
			unsigned int nr_args)
{
	long ret = syscall(SYS_io_uring_register, fd, opcode, arg, nr_args);

	return ret < 0 ? -errno : ret;
}

static uint32_t round_up_to_power_of_2(uint32_t n)
{
	return n <= 1 ? 1 : 1U << (32 - __builtin_clz(n - 1));
}

/*
 * At least what io_fill_params() and rings_size() in the kernel's io_uring.c
 * come to. Entries that the kernel refuses need no memory: it gets to say so.
 */
static void ring_sizes(unsigned int entries, const struct io_uring_params *p,
		       unsigned int flags, size_t *rings, size_t *sqes)
{
	size_t sq = entries > MAX_ENTRIES ? MAX_ENTRIES : entries;
	size_t cq;

	sq = round_up_to_power_of_2((uint32_t) sq);
	cq = 2 * sq;
	if (flags & IORING_SETUP_CQSIZE) {
		cq = p->cq_entries > MAX_CQ_ENTRIES ? MAX_CQ_ENTRIES
						    : p->cq_entries;
		cq = round_up_to_power_of_2((uint32_t) cq);
	}
	*sqes = page_align(sq * sizeof(struct io_uring_sqe) *
			   (flags & IORING_SETUP_SQE128 ? 2 : 1));
	*rings = page_align(RINGS_HEADER + sq * sizeof(uint32_t) +
			    cq * sizeof(struct io_uring_cqe) *
				    (flags & IORING_SETUP_CQE32 ? 2 : 1));
}

static void area_free(struct window *w, struct area *area)
{
	struct area **link = &w->areas;

	while (*link != area)
		link = &(*link)->next;
	*link = area->next;
	window_munmap(w, area->address, area->length);
	free(area);
}

/* For the ring that had it. Once mapped, it is not the ring's to free. */
static void area_drop(struct window *w, struct area *area)
{
	if (area && !area->mapped)
		area_free(w, area);
}

static long area_allocate(struct window *w, struct area **area, size_t length)
{
	long address = window_mmap(w, length);

	if (address < 0)
		return address;
	*area = malloc(sizeof(**area));
	if (!*area) {
		window_munmap(w, (uintptr_t) address, length);
		return -ENOMEM;
	}
	**area = (struct area){ .address = (uintptr_t) address,
				.length = length,
				.next = w->areas };
	w->areas = *area;
	return 0;
}

static long areas_allocate(struct window *w, struct area **rings,
			   struct area **sqes, size_t rings_size,
			   size_t sqes_size)
{
	long ret = area_allocate(w, rings, rings_size);

	if (!ret) {
		ret = area_allocate(w, sqes, sqes_size);
		if (ret)
			area_free(w, *rings);
	}
	return ret;
}

static void give_areas(struct io_uring_params *p, const struct area *rings,
		       const struct area *sqes)
{
	p->sq_off.user_addr = sqes->address;
	p->cq_off.user_addr = rings->address;
}

/* What the caller would have seen of a ring that the kernel allocated. */
static void hide_areas(struct io_uring_params *p)
{
	p->flags &= ~IORING_SETUP_NO_MMAP;
	p->sq_off.user_addr = 0;
	p->cq_off.user_addr = 0;
}

static struct ring **find_ring(struct window *w, int fd)
{
	struct ring **link = &w->rings;

	while (*link && (*link)->fd != fd)
		link = &(*link)->next;
	return link;
}

static bool is_still_ours(const struct ring *ring)
{
	struct stat st;

	return !fstat(ring->fd, &st) && st.st_dev == ring->device &&
	       st.st_ino == ring->inode;
}

void ring_closed(struct window *w, int fd)
{
	struct ring **link = find_ring(w, fd);
	struct ring *ring = *link;

	if (!ring)
		return;
	*link = ring->next;
	if (ring->mirror) {
		mirror_close(ring->mirror);
		w->mirrors--;
	}
	area_drop(w, ring->rings);
	area_drop(w, ring->sqes);
	free(ring);
}

static void remember(struct window *w, struct ring *ring, long fd)
{
	struct stat st = { 0 };

	/* an fd closed behind our back may be back as a new ring */
	ring_closed(w, (int) fd);
	fstat((int) fd, &st);
	ring->fd = (int) fd;
	ring->device = st.st_dev;
	ring->inode = st.st_ino;
	ring->next = w->rings;
	w->rings = ring;
}

/* For a ring in the kernel's pages: what the caller maps is a copy. */
static long mirror(struct window *w, struct ring *ring, long fd,
		   const struct io_uring_params *p)
{
	long ret = mirror_open(&ring->mirror, (int) fd, p);

	if (ret)
		return ret;
	ret = areas_allocate(w, &ring->rings, &ring->sqes,
			     page_align(mirror_rings_size(ring->mirror)),
			     page_align(mirror_sqes_size(ring->mirror)));
	if (ret) {
		mirror_close(ring->mirror);
		return ret;
	}
	mirror_start(ring->mirror, (char *) ring->rings->address);
	w->mirrors++;
	return 0;
}

static long setup_mirrored(struct window *w, struct ring *ring,
			   unsigned int entries, struct io_uring_params *p)
{
	struct io_uring_params by_kernel = *p;
	long fd = setup(entries, &by_kernel);
	long ret;

	if (fd < 0)
		return fd;
	ret = mirror(w, ring, fd, &by_kernel);
	if (ret) {
		close((int) fd);
		return ret;
	}
	*p = by_kernel;
	return fd;
}

/*
 * Before 6.10, what the kernel takes has to be one page, or pages side by side
 * in physical memory, and early ones never let go of pages that they refuse. So
 * do not try. The feature tells the versions apart, it has nothing to do with
 * it.
 */
static bool takes_any_pages(struct window *w)
{
#ifdef TEST_MIRROR
	return false; /* test/c-interface/mirror.test.ts, on a kernel that does */
#endif
	if (!w->features) {
		struct io_uring_params p = { 0 };
		long fd = setup(1, &p);

		if (fd < 0)
			return true; /* the caller's setup will say why */
		close((int) fd);
		w->features = p.features;
	}
	return w->features & IORING_FEAT_RECVSEND_BUNDLE;
}

static long setup_in_window(struct window *w, struct ring *ring,
			    unsigned int entries, struct io_uring_params *p)
{
	struct io_uring_params in_window = *p;
	size_t rings, sqes;
	long fd;

	ring_sizes(entries, p, p->flags, &rings, &sqes);
	if ((rings > SMALL_RINGS || sqes > SMALL_SQES) && !takes_any_pages(w))
		return setup_mirrored(w, ring, entries, p);
	fd = areas_allocate(w, &ring->rings, &ring->sqes, rings, sqes);
	if (fd < 0)
		return fd;
	give_areas(&in_window, ring->rings, ring->sqes);
	in_window.flags |= IORING_SETUP_NO_MMAP;
	fd = setup(entries, &in_window);
	if (fd >= 0) {
		hide_areas(&in_window);
		*p = in_window;
		ring->in_window = true;
		return fd;
	}
	area_free(w, ring->rings);
	area_free(w, ring->sqes);
	ring->rings = ring->sqes = NULL;
	if (fd != -EINVAL)
		return fd;
	/* bad parameters, or a kernel that does not know NO_MMAP */
	return setup_mirrored(w, ring, entries, p);
}

long ring_setup(struct window *w, unsigned int entries,
		struct io_uring_params *p)
{
	struct ring *ring;
	long fd;

	if (!window_contains(w, (uintptr_t) p, sizeof(*p)))
		return -EFAULT;
	if (p->flags & UNKNOWN_FLAGS)
		return -EINVAL;
	/* its "fd" is an index into a table of this thread's, not for close */
	if (p->flags & IORING_SETUP_REGISTERED_FD_ONLY)
		return setup(entries, p);
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ring->flags = p->flags;
	ring->registered = -1;
	if (p->flags & IORING_SETUP_NO_MMAP)
		fd = setup(entries, p);
	else
		fd = setup_in_window(w, ring, entries, p);
	if (fd < 0)
		free(ring);
	else
		remember(w, ring, fd);
	return fd;
}

long ring_resize(struct window *w, int fd, struct io_uring_params *p,
		 unsigned int nr_args)
{
	struct ring *ring = *find_ring(w, fd);
	struct area *rings, *sqes;
	struct io_uring_params in_window;
	size_t rings_size, sqes_size;
	long ret;

	if (!window_contains(w, (uintptr_t) p, sizeof(*p)))
		return -EFAULT;
	if (ring && ring->mirror)
		return -EINVAL; /* as the kernels that need one */
	if (!ring || !ring->in_window)
		return do_register(fd, IORING_REGISTER_RESIZE_RINGS, p,
				   nr_args);
	in_window = *p;
	ring_sizes(p->sq_entries, p,
		   ring->flags | (p->flags & IORING_SETUP_CQSIZE), &rings_size,
		   &sqes_size);
	ret = areas_allocate(w, &rings, &sqes, rings_size, sqes_size);
	if (ret)
		return ret;
	give_areas(&in_window, rings, sqes);
	ret = do_register(fd, IORING_REGISTER_RESIZE_RINGS, &in_window,
			  nr_args);
	if (ret < 0) {
		area_free(w, rings);
		area_free(w, sqes);
		return ret;
	}
	hide_areas(&in_window);
	*p = in_window;
	area_drop(w, ring->rings);
	area_drop(w, ring->sqes);
	ring->rings = rings;
	ring->sqes = sqes;
	return ret;
}

long ring_mmap(struct window *w, int fd, size_t length, uint64_t offset)
{
	struct ring *ring = *find_ring(w, fd);
	struct area *area = NULL;

	if (!ring || !is_still_ours(ring))
		return -ENODEV;
	if (offset == IORING_OFF_SQ_RING || offset == IORING_OFF_CQ_RING)
		area = ring->rings;
	else if (offset == IORING_OFF_SQES)
		area = ring->sqes;
	if (!area || !length || length > area->length)
		return -EINVAL;
	area->mapped = true;
	return (long) area->address;
}

bool ring_munmap(struct window *w, uintptr_t address)
{
	struct area *area = w->areas;

	while (area && (area->address != address || !area->mapped))
		area = area->next;
	if (!area)
		return false;
	for (struct ring *ring = w->rings; ring; ring = ring->next) {
		if (ring->rings == area)
			ring->rings = NULL;
		if (ring->sqes == area)
			ring->sqes = NULL;
	}
	area_free(w, area);
	return true;
}

void ring_registered(struct window *w, unsigned int opcode,
		     const struct io_uring_rsrc_update *fds, long count)
{
	for (long i = 0; i < count; i++) {
		int index = (int) fds[i].offset;
		struct ring *ring = w->rings;

		while (ring && ring->registered != index)
			ring = ring->next;
		if (ring)
			ring->registered = -1;
		ring = *find_ring(w, (int) fds[i].data);
		if (ring && opcode == IORING_REGISTER_RING_FDS)
			ring->registered = index;
	}
}

struct ring *ring_push(struct window *w, int fd, unsigned int flags)
{
	struct ring *ring = w->rings;

	if (!w->mirrors)
		return NULL;
	while (ring && (flags & IORING_ENTER_REGISTERED_RING ? ring->registered
							     : ring->fd) != fd)
		ring = ring->next;
	if (!ring || !ring->mirror || !ring->rings || !ring->sqes)
		return NULL;
	mirror_push(ring->mirror, (char *) ring->rings->address,
		    (char *) ring->sqes->address);
	return ring;
}

void ring_pull(struct ring *ring)
{
	mirror_pull(ring->mirror, (char *) ring->rings->address);
}

void rings_close(struct window *w)
{
	while (w->rings) {
		struct ring *ring = w->rings;
		int fd = ring->fd;

		if (is_still_ours(ring)) {
			/* nothing may land in pages that will be others' */
			struct io_uring_sync_cancel_reg all = {
				.flags = IORING_ASYNC_CANCEL_ANY |
					 IORING_ASYNC_CANCEL_ALL,
				.timeout = { .tv_sec = 1, .tv_nsec = 0 },
			};

			do_register(fd, IORING_REGISTER_SYNC_CANCEL, &all, 1);
			close(fd);
		}
		ring_closed(w, fd);
	}
	while (w->areas)
		area_free(w, w->areas);
}
