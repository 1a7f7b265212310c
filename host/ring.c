/* SPDX-License-Identifier: MIT */
/*
 * Description: io_uring_setup, resizing and mmap of a ring, on shared pages.
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
 * Once mapped, they stay until they are unmapped, even if the ring is closed
 * before. SQ and CQ ring are in one area, as with IORING_FEAT_SINGLE_MMAP:
 * mapping each of them gives the same address, and one munmap frees both.
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
	bool shares_pages;     /* the kernel uses our pages */
	struct mirror *mirror; /* our pages are a copy; or NULL */
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
/* flags of later kernels, which could change how much memory a ring needs */
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
 * At least as much as io_fill_params() and rings_size() in the kernel's
 * io_uring.c compute. A number of entries that the kernel refuses needs no
 * memory: the setup fails.
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

static void area_free(struct rings *set, struct area *area)
{
	struct area **link = &set->areas;

	while (*link != area)
		link = &(*link)->next;
	*link = area->next;
	pages_munmap(set->pages, area->address, area->length);
	free(area);
}

/* The ring needs the area no more. If it is mapped, munmap will free it. */
static void area_drop(struct rings *set, struct area *area)
{
	if (area && !area->mapped)
		area_free(set, area);
}

static long area_allocate(struct rings *set, struct area **area, size_t length)
{
	long address = pages_mmap(set->pages, length);

	if (address < 0)
		return address;
	*area = malloc(sizeof(**area));
	if (!*area) {
		pages_munmap(set->pages, (uintptr_t) address, length);
		return -ENOMEM;
	}
	**area = (struct area){ .address = (uintptr_t) address,
				.length = length,
				.next = set->areas };
	set->areas = *area;
	return 0;
}

static long areas_allocate(struct rings *set, struct area **rings,
			   struct area **sqes, size_t rings_size,
			   size_t sqes_size)
{
	long ret = area_allocate(set, rings, rings_size);

	if (!ret) {
		ret = area_allocate(set, sqes, sqes_size);
		if (ret)
			area_free(set, *rings);
	}
	return ret;
}

static void give_areas(struct io_uring_params *p, const struct area *rings,
		       const struct area *sqes)
{
	p->sq_off.user_addr = sqes->address;
	p->cq_off.user_addr = rings->address;
}

/* Makes the result look like that of a ring which the kernel allocated. */
static void hide_areas(struct io_uring_params *p)
{
	p->flags &= ~IORING_SETUP_NO_MMAP;
	p->sq_off.user_addr = 0;
	p->cq_off.user_addr = 0;
}

static struct ring **find_ring(struct rings *set, int fd)
{
	struct ring **link = &set->list;

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

bool ring_is_stale(struct rings *set, int fd)
{
	struct ring *ring = *find_ring(set, fd);

	return ring && !is_still_ours(ring);
}

void ring_closed(struct rings *set, int fd)
{
	struct ring **link = find_ring(set, fd);
	struct ring *ring = *link;

	if (!ring)
		return;
	*link = ring->next;
	if (ring->mirror) {
		mirror_close(ring->mirror);
		set->mirrors--;
	}
	area_drop(set, ring->rings);
	area_drop(set, ring->sqes);
	free(ring);
}

static void remember(struct rings *set, struct ring *ring, long fd)
{
	struct stat st = { 0 };

	/* its number may be that of a ring that was closed by other means */
	ring_closed(set, (int) fd);
	fstat((int) fd, &st);
	ring->fd = (int) fd;
	ring->device = st.st_dev;
	ring->inode = st.st_ino;
	ring->next = set->list;
	set->list = ring;
}

/* The ring is in the kernel's pages; the caller will map a copy. */
static long mirror(struct rings *set, struct ring *ring, long fd,
		   const struct io_uring_params *p)
{
	long ret = mirror_open(&ring->mirror, (int) fd, p);

	if (ret)
		return ret;
	ret = areas_allocate(set, &ring->rings, &ring->sqes,
			     page_align(mirror_rings_size(ring->mirror)),
			     page_align(mirror_sqes_size(ring->mirror)));
	if (ret) {
		mirror_close(ring->mirror);
		return ret;
	}
	mirror_start(ring->mirror, (char *) ring->rings->address);
	set->mirrors++;
	return 0;
}

static long setup_mirrored(struct rings *set, struct ring *ring,
			   unsigned int entries, struct io_uring_params *p)
{
	struct io_uring_params by_kernel = *p;
	long fd = setup(entries, &by_kernel);
	long ret;

	if (fd < 0)
		return fd;
	ret = mirror(set, ring, fd, &by_kernel);
	if (ret) {
		close((int) fd);
		return ret;
	}
	*p = by_kernel;
	return fd;
}

/*
 * Before 6.10, the kernel takes one page, or pages that are contiguous in
 * physical memory, and early versions never release pages that they refuse. So
 * do not try. The feature came with 6.10, and has nothing else to do with it.
 */
static bool takes_any_pages(struct rings *set)
{
#ifdef TEST_MIRROR
	return false; /* test/c-interface/mirror.test.ts, on a kernel that does
		       */
#endif
	if (!set->features) {
		struct io_uring_params p = { 0 };
		long fd = setup(1, &p);

		if (fd < 0)
			return true; /* the caller's setup will say why */
		close((int) fd);
		set->features = p.features;
	}
	return set->features & IORING_FEAT_RECVSEND_BUNDLE;
}

static long setup_shared(struct rings *set, struct ring *ring,
			 unsigned int entries, struct io_uring_params *p)
{
	struct io_uring_params shared = *p;
	size_t rings, sqes;
	long fd;

	ring_sizes(entries, p, p->flags, &rings, &sqes);
	if ((rings > SMALL_RINGS || sqes > SMALL_SQES) && !takes_any_pages(set))
		return setup_mirrored(set, ring, entries, p);
	fd = areas_allocate(set, &ring->rings, &ring->sqes, rings, sqes);
	if (fd < 0)
		return fd;
	give_areas(&shared, ring->rings, ring->sqes);
	shared.flags |= IORING_SETUP_NO_MMAP;
	fd = setup(entries, &shared);
	if (fd >= 0) {
		hide_areas(&shared);
		*p = shared;
		ring->shares_pages = true;
		return fd;
	}
	area_free(set, ring->rings);
	area_free(set, ring->sqes);
	ring->rings = ring->sqes = NULL;
	if (fd != -EINVAL)
		return fd;
	/* bad parameters, or a kernel that does not know NO_MMAP */
	return setup_mirrored(set, ring, entries, p);
}

long ring_setup(struct rings *set, unsigned int entries,
		struct io_uring_params *p)
{
	struct ring *ring;
	long fd;

	if (!pages_contain(set->pages, (uintptr_t) p, sizeof(*p)))
		return -EFAULT;
	if (p->flags & UNKNOWN_FLAGS)
		return -EINVAL;
	/* its "fd" is an index into this thread's table, which close() ignores
	 */
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
		fd = setup_shared(set, ring, entries, p);
	if (fd < 0)
		free(ring);
	else
		remember(set, ring, fd);
	return fd;
}

long ring_resize(struct rings *set, int fd, struct io_uring_params *p,
		 unsigned int nr_args)
{
	struct ring *ring = *find_ring(set, fd);
	struct area *rings, *sqes;
	struct io_uring_params shared;
	size_t rings_size, sqes_size;
	long ret;

	if (!pages_contain(set->pages, (uintptr_t) p, sizeof(*p)))
		return -EFAULT;
	if (ring && ring->mirror)
		return -EINVAL; /* like the kernels that need a copy */
	if (!ring || !ring->shares_pages)
		return do_register(fd, IORING_REGISTER_RESIZE_RINGS, p,
				   nr_args);
	shared = *p;
	ring_sizes(p->sq_entries, p,
		   ring->flags | (p->flags & IORING_SETUP_CQSIZE), &rings_size,
		   &sqes_size);
	ret = areas_allocate(set, &rings, &sqes, rings_size, sqes_size);
	if (ret)
		return ret;
	give_areas(&shared, rings, sqes);
	ret = do_register(fd, IORING_REGISTER_RESIZE_RINGS, &shared, nr_args);
	if (ret < 0) {
		area_free(set, rings);
		area_free(set, sqes);
		return ret;
	}
	hide_areas(&shared);
	*p = shared;
	area_drop(set, ring->rings);
	area_drop(set, ring->sqes);
	ring->rings = rings;
	ring->sqes = sqes;
	return ret;
}

long ring_mmap(struct rings *set, int fd, size_t length, uint64_t offset)
{
	struct ring *ring = *find_ring(set, fd);
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

bool ring_munmap(struct rings *set, uintptr_t address)
{
	struct area *area = set->areas;

	while (area && (area->address != address || !area->mapped))
		area = area->next;
	if (!area)
		return false;
	for (struct ring *ring = set->list; ring; ring = ring->next) {
		if (ring->rings == area)
			ring->rings = NULL;
		if (ring->sqes == area)
			ring->sqes = NULL;
	}
	area_free(set, area);
	return true;
}

void ring_registered(struct rings *set, unsigned int opcode,
		     const struct io_uring_rsrc_update *fds, long count)
{
	for (long i = 0; i < count; i++) {
		int index = (int) fds[i].offset;
		struct ring *ring = set->list;

		while (ring && ring->registered != index)
			ring = ring->next;
		if (ring)
			ring->registered = -1;
		ring = *find_ring(set, (int) fds[i].data);
		if (ring && opcode == IORING_REGISTER_RING_FDS)
			ring->registered = index;
	}
}

struct ring *ring_push(struct rings *set, int fd, unsigned int flags)
{
	struct ring *ring = set->list;

	if (!set->mirrors)
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

void rings_close(struct rings *set)
{
	while (set->list) {
		struct ring *ring = set->list;
		int fd = ring->fd;

		if (is_still_ours(ring)) {
			/* the kernel must not write to pages that others get
			 * next */
			struct io_uring_sync_cancel_reg all = {
				.flags = IORING_ASYNC_CANCEL_ANY |
					 IORING_ASYNC_CANCEL_ALL,
				.timeout = { .tv_sec = 1, .tv_nsec = 0 },
			};

			do_register(fd, IORING_REGISTER_SYNC_CANCEL, &all, 1);
			close(fd);
		}
		ring_closed(set, fd);
	}
	while (set->areas)
		area_free(set, set->areas);
}
