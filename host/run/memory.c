/* SPDX-License-Identifier: MIT */
/*
 * Description: the program's memory. Each mapping is there twice, at the
 * process's address and in the linear memory, as pages that both share. Where
 * nothing is mapped, neither wasm nor the kernel can reach anything.
 */
#include "memory.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lock.h"

#define WINDOW_START 0x10000000UL /* as in wasm/bin/uring-cc */
#define WINDOW_END   0xffff0000UL
#define FOUR_GIB     0x100000000UL
#define WINDOW_SIZE  (WINDOW_END - WINDOW_START)
#define PAGES	     (WINDOW_SIZE / HOST_PAGE_SIZE)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Of each page: PROT_* and these. 0: nothing is mapped. */
enum {
	MAPPED = 1 << 3,
	/* stays shared with a forked child: MAP_SHARED, rings */
	SHARED = 1 << 4,
};

static unsigned char page[PAGES];
static size_t used_pages;
static size_t top_page; /* none from here on has ever been mapped */
static size_t next_fit;
static char *linear; /* the linear memory's address 0 */
static struct rlimit address_limit = { RLIM_INFINITY, RLIM_INFINITY };

static bool contains(const struct pages *pages, uintptr_t address, size_t size)
{
	(void) pages;
	return address >= WINDOW_START && size <= WINDOW_SIZE &&
	       address - WINDOW_START <= WINDOW_SIZE - size;
}

static bool is_inside(uintptr_t address, size_t size)
{
	return contains(&run_pages, address, size);
}

static size_t page_of(uintptr_t address)
{
	return (address - WINDOW_START) / HOST_PAGE_SIZE;
}

static bool reserve(void *address, size_t length)
{
	return mmap(address, length, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		    0) != MAP_FAILED;
}

/* Wasm reaches both views of the memory, and nothing else. */
long memory_open(void *linear_memory)
{
	void *start = (void *) WINDOW_START;

	linear = linear_memory;
	if (mmap(start, WINDOW_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			 MAP_FIXED_NOREPLACE,
		 -1, 0) != start)
		return errno ? -errno : -EEXIST;
	if (!reserve(linear, FOUR_GIB))
		return -errno;
	return 0;
}

static bool overlaps(uintptr_t from, uintptr_t to, uintptr_t start)
{
	return to > start && from < start + WINDOW_SIZE;
}

bool memory_overlaps(uintptr_t from, uintptr_t to)
{
	return overlaps(from, to, WINDOW_START) ||
	       overlaps(from, to, (uintptr_t) linear + WINDOW_START);
}

static void mark(uintptr_t address, size_t length, unsigned char what)
{
	size_t first = page_of(address), count = length / HOST_PAGE_SIZE;

	for (size_t i = first; i < first + count; i++)
		used_pages += (size_t) (what != 0) - (size_t) (page[i] != 0);
	memset(page + first, what, count);
	if (!what && first < next_fit)
		next_fit = first;
	if (what && first + count > top_page)
		top_page = first + count;
}

static bool is_free(uintptr_t address, size_t length)
{
	size_t first = page_of(address), count = length / HOST_PAGE_SIZE;

	for (size_t i = first; i < first + count; i++)
		if (page[i])
			return false;
	return true;
}

static bool is_mapped(uintptr_t address, size_t length)
{
	size_t first = page_of(address), count = length / HOST_PAGE_SIZE;

	for (size_t i = first; i < first + count; i++)
		if (!page[i])
			return false;
	return true;
}

/* An address of @length free bytes, or 0. */
static uintptr_t find_free(size_t length)
{
	size_t count = length / HOST_PAGE_SIZE;

	for (int round = 0; round < 2; round++) {
		size_t run = 0;

		for (size_t i = round ? 0 : next_fit; i < PAGES; i++) {
			run = page[i] ? 0 : run + 1;
			if (run == count) {
				next_fit = i + 1;
				return WINDOW_START +
				       (i + 1 - count) * HOST_PAGE_SIZE;
			}
		}
	}
	return 0;
}

/* Shows what is mapped at @address in the linear memory, too. */
static long show(uintptr_t address, size_t length)
{
	if (mremap((void *) address, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		   linear + address) == MAP_FAILED)
		return -errno;
	return 0;
}

static void unmap(uintptr_t address, size_t length)
{
	reserve((void *) address, length);
	reserve(linear + address, length);
	mark(address, length, 0);
}

/* Zeroed pages at @address. Anonymous ones can be mapped twice if shared. */
static long map_anonymous(uintptr_t address, size_t length, int prot, int flags,
			  unsigned char what)
{
	long ret = 0;

	flags &= MAP_POPULATE | MAP_LOCKED | MAP_NORESERVE;
	if (mmap((void *) address, length, prot,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | flags, -1,
		 0) == MAP_FAILED)
		ret = -errno;
	if (!ret)
		ret = show(address, length);
	if (ret)
		unmap(address, length);
	else
		mark(address, length, (unsigned char) (prot & 7) | what);
	return ret;
}

/* A file's pages: as they are, or a copy of them. */
static long map_file(uintptr_t address, size_t length, int prot, int flags,
		     int fd, off_t offset)
{
	long ret;

	if ((flags & MAP_TYPE) == MAP_PRIVATE) {
		/* refuse what the kernel would */
		void *probe = mmap(NULL, length, prot, MAP_PRIVATE, fd, offset);
		size_t done = 0;
		ssize_t n = 1;

		if (probe == MAP_FAILED)
			return -errno;
		munmap(probe, length);
		ret = map_anonymous(address, length, PROT_READ | PROT_WRITE, 0,
				    MAPPED);
		while (!ret && done < length && n > 0) {
			n = pread(fd, (char *) address + done, length - done,
				  offset + (off_t) done);
			done += n > 0 ? (size_t) n : 0;
		}
		if (!ret)
			ret = memory_mprotect(address, length, prot);
		return ret;
	}
	if (mmap((void *) address, length, prot, flags | MAP_FIXED, fd,
		 offset) == MAP_FAILED)
		return -errno;
	if (mmap(linear + address, length, prot, flags | MAP_FIXED, fd,
		 offset) == MAP_FAILED) {
		ret = -errno;
		unmap(address, length);
		return ret;
	}
	mark(address, length, (unsigned char) (prot & 7) | MAPPED | SHARED);
	return 0;
}

/* Where the caller's hint and flags want @length bytes: an address or -errno.
 */
static long place(uintptr_t hint, size_t length, int flags)
{
	bool fits = is_inside(hint, length);
	uintptr_t found;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (hint % HOST_PAGE_SIZE)
			return -EINVAL;
		if (!fits)
			return -ENOMEM;
		if (flags & MAP_FIXED_NOREPLACE && !is_free(hint, length))
			return -EEXIST;
		return (long) hint;
	}
	hint &= ~(HOST_PAGE_SIZE - 1);
	if (fits && is_free(hint, length))
		return (long) hint;
	found = find_free(length);
	return found ? (long) found : -ENOMEM;
}

static bool over_limit(size_t length)
{
	return address_limit.rlim_cur != RLIM_INFINITY &&
	       used_pages * HOST_PAGE_SIZE + length > address_limit.rlim_cur;
}

static long do_mmap(uintptr_t hint, size_t length, int prot, int flags, int fd,
		    off_t offset)
{
	long address, ret;
	bool anonymous = flags & MAP_ANONYMOUS;
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

	if (!length || (unsigned long) offset % HOST_PAGE_SIZE ||
	    !(flags & MAP_TYPE))
		return -EINVAL;
	if (length > WINDOW_SIZE)
		return -ENOMEM;
	length = page_align(length);
	/* a huge page cannot be at two addresses that differ within it */
	if (flags & MAP_HUGETLB || over_limit(length))
		return -ENOMEM;
	address = place(hint, length, flags);
	if (address < 0)
		return address;
	flags &= ~(MAP_FIXED | MAP_FIXED_NOREPLACE);
	if (anonymous)
		ret = map_anonymous((uintptr_t) address, length, prot, flags,
				    shared ? MAPPED | SHARED : MAPPED);
	else
		ret = map_file((uintptr_t) address, length, prot, flags, fd,
			       offset);
	return ret ? ret : address;
}

long memory_mmap(const long args[6])
{
	long ret;

	run_lock();
	ret = do_mmap((uintptr_t) args[0], (size_t) args[1], (int) args[2],
		      (int) args[3], (int) args[4], (off_t) args[5]);
	run_unlock();
	return ret;
}

/* Pages that the kernel and later children share. */
static long allocate(struct pages *pages, size_t length)
{
	long address;

	(void) pages;
	if (!length)
		return -EINVAL;
	length = page_align(length);
	if (over_limit(length))
		return -ENOMEM;
	address = place(0, length, 0);
	if (address >= 0) {
		long ret = map_anonymous((uintptr_t) address, length,
					 PROT_READ | PROT_WRITE, 0,
					 MAPPED | SHARED);

		if (ret)
			return ret;
	}
	return address;
}

static int release(struct pages *pages, uintptr_t address, size_t length)
{
	(void) pages;
	unmap(address, page_align(length));
	return 0;
}

static const struct pages_ops ops = {
	.contains = contains,
	.mmap = allocate,
	.munmap = release,
};

struct pages run_pages = { .ops = &ops };

long memory_map_image(uintptr_t end)
{
	return map_anonymous(WINDOW_START, page_align(end - WINDOW_START),
			     PROT_READ | PROT_WRITE, 0, MAPPED);
}

long memory_munmap(uintptr_t address, size_t length)
{
	if (!length || address % HOST_PAGE_SIZE)
		return -EINVAL;
	length = page_align(length);
	run_lock();
	if (is_inside(address, length))
		unmap(address, length);
	run_unlock();
	return 0;
}

static long protect(uintptr_t address, size_t length, int prot)
{
	size_t first = page_of(address), count = length / HOST_PAGE_SIZE;

	if (mprotect((void *) address, length, prot) ||
	    mprotect(linear + address, length, prot))
		return -errno;
	for (size_t i = first; i < first + count; i++)
		page[i] = (unsigned char) ((page[i] & ~7) | (prot & 7));
	return 0;
}

long memory_mprotect(uintptr_t address, size_t length, int prot)
{
	long ret = -ENOMEM;

	if (address % HOST_PAGE_SIZE)
		return -EINVAL;
	length = page_align(length);
	run_lock();
	if (is_inside(address, length) && is_mapped(address, length))
		ret = protect(address, length, prot);
	run_unlock();
	return ret;
}

static long grow(uintptr_t from, size_t old_size, size_t size, int flags,
		 uintptr_t to)
{
	unsigned char what = page[page_of(from)];
	long ret;

	if (over_limit(size - old_size) || what & SHARED)
		return -ENOMEM;
	if (!(flags & MREMAP_FIXED) && is_inside(from, size) &&
	    is_free(from + old_size, size - old_size)) {
		ret = map_anonymous(from + old_size, size - old_size, what & 7,
				    0, MAPPED);
		return ret ? ret : (long) from;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (!(flags & MREMAP_FIXED))
		to = find_free(size);
	if (!to || !is_inside(to, size))
		return -ENOMEM;
	ret = map_anonymous(to, size, what & 7, 0, MAPPED);
	if (ret)
		return ret;
	memcpy((void *) to, (void *) from, old_size);
	unmap(from, old_size);
	return (long) to;
}

long memory_mremap(const long args[6])
{
	uintptr_t from = (uintptr_t) args[0], to = (uintptr_t) args[4];
	size_t old_size = page_align((size_t) args[1]);
	size_t size = page_align((size_t) args[2]);
	int flags = (int) args[3];
	long ret = (long) from;

	if (from % HOST_PAGE_SIZE || !size || !old_size)
		return -EINVAL;
	if (size > WINDOW_SIZE)
		return -ENOMEM;
	run_lock();
	if (!is_inside(from, old_size) || !is_mapped(from, old_size))
		ret = -EFAULT;
	else if (size > old_size || flags & MREMAP_FIXED)
		ret = grow(from, old_size, size, flags, to);
	else if (size < old_size)
		unmap(from + size, old_size - size);
	run_unlock();
	return ret;
}

static bool is_private(uintptr_t address, size_t length)
{
	size_t first = page_of(address), count = length / HOST_PAGE_SIZE;

	for (size_t i = first; i < first + count; i++)
		if (page[i] & SHARED)
			return false;
	return true;
}

long memory_madvise(uintptr_t address, size_t length, int advice)
{
	long ret = 0;

	if (address % HOST_PAGE_SIZE)
		return -EINVAL;
	length = page_align(length);
	run_lock();
	if (!is_inside(address, length) || !is_mapped(address, length)) {
		ret = -ENOMEM;
	} else if (is_private(address, length) &&
		   (advice == MADV_DONTNEED || advice == MADV_FREE)) {
		/* what was anonymous to the caller is a file to the kernel */
		if (madvise((void *) address, length, MADV_REMOVE))
			ret = -errno;
	} else if (madvise((void *) address, length, advice) ||
		   ((advice == MADV_DONTFORK || advice == MADV_DOFORK) &&
		    madvise(linear + address, length, advice))) {
		ret = -errno;
	}
	run_unlock();
	return ret;
}

/* Replaces pages that parent and child share by a copy, the child's own. */
static long copy_pages(uintptr_t address, size_t length, int prot)
{
	static unsigned char resident[1024];
	const size_t step = sizeof(resident) * HOST_PAGE_SIZE;
	char *copy = mmap(NULL, length, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return -errno;
	if (!(prot & PROT_READ) &&
	    mprotect((void *) address, length, PROT_READ))
		return -errno;
	for (size_t from = 0; from < length; from += step) {
		size_t part = length - from < step ? length - from : step;

		if (mincore((char *) address + from, part, resident))
			return -errno;
		for (size_t at = 0; at < part; at += HOST_PAGE_SIZE)
			if (resident[at / HOST_PAGE_SIZE] & 1)
				memcpy(copy + from + at,
				       (char *) address + from + at,
				       HOST_PAGE_SIZE);
	}
	if (mprotect(copy, length, prot) ||
	    mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		   (void *) address) == MAP_FAILED)
		return -errno;
	return show(address, length);
}

long memory_make_private(void)
{
	size_t i = 0;

	while (i < top_page) {
		unsigned char what = page[i];
		size_t first = i;
		long ret;

		while (i < top_page && page[i] == what)
			i++;
		if (!what || what & SHARED)
			continue;
		ret = copy_pages(WINDOW_START + first * HOST_PAGE_SIZE,
				 (i - first) * HOST_PAGE_SIZE, what & 7);
		if (ret)
			return ret;
	}
	return 0;
}

long memory_limit(const void *new_limit, void *old_limit)
{
	struct rlimit limit;

	run_lock();
	limit = address_limit;
	if (new_limit)
		memcpy(&address_limit, new_limit, sizeof(limit));
	if (old_limit)
		memcpy(old_limit, &limit, sizeof(limit));
	run_unlock();
	return 0;
}
