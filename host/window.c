/* SPDX-License-Identifier: MIT */
/*
 * Description: finds, maps and gives out the pages of the window.
 */
#include "window.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WASM_PAGE_SIZE 65536UL
#define LOWEST_START   0x10000000UL /* leaves low memory to its users */
#define TWO_GIB	       0x80000000UL
#define FOUR_GIB       0x100000000UL

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/*
 * The highest free range of @size bytes that ends below @limit, or 0. The
 * search goes down from the top, because the brk heap of a program that is not
 * position independent grows up from below.
 */
static uintptr_t find_gap(size_t size, uintptr_t limit)
{
	uintptr_t from, to, end_of_last = LOWEST_START, found = 0;
	char line[512];
	FILE *maps;

	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return 0;
	while (end_of_last < limit) {
		if (!fgets(line, sizeof(line), maps))
			from = to = limit;
		else if (sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		if (from > limit)
			from = limit;
		/* leave one wasm page free on either side, to catch overruns */
		if (from > end_of_last &&
		    from - end_of_last >= size + 3 * WASM_PAGE_SIZE)
			found = (from - size - WASM_PAGE_SIZE) &
				~(WASM_PAGE_SIZE - 1);
		if (to > end_of_last)
			end_of_last = to;
	}
	fclose(maps);
	return found;
}

static bool map_identity(struct window *w, struct failure *why)
{
	/* another thread may take the gap before the mmap */
	for (int attempt = 0; attempt < 16; attempt++) {
		uintptr_t start = find_gap(w->size, TWO_GIB);
		void *mapped;

		if (!start)
			start = find_gap(w->size, FOUR_GIB);
		if (!start)
			break;
		mapped = mmap((void *) start, w->size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED_NOREPLACE, w->memfd, 0);
		if (mapped == (void *) start) {
			w->start = start;
			return true;
		}
		if (mapped != MAP_FAILED) {
			/* before 4.17 the flag is unknown, the address a hint
			 */
			munmap(mapped, w->size);
		} else if (errno != EEXIST) {
			why->error = -errno;
			why->syscall = "mmap";
			return false;
		}
	}
	why->error = -ENOMEM;
	why->syscall = "mmap";
	return false;
}

static struct window *window_of(struct pages *pages)
{
	return (struct window *) ((char *) pages -
				  offsetof(struct window, pages));
}

static bool contains(const struct pages *pages, uintptr_t address, size_t size)
{
	return window_contains(window_of((struct pages *) pages), address,
			       size);
}

static long do_mmap(struct pages *pages, size_t length)
{
	return window_mmap(window_of(pages), length);
}

static int do_munmap(struct pages *pages, uintptr_t address, size_t length)
{
	return window_munmap(window_of(pages), address, length);
}

static const struct pages_ops window_pages_ops = {
	.contains = contains,
	.mmap = do_mmap,
	.munmap = do_munmap,
};

struct window *window_open(size_t size, struct failure *why)
{
	struct window *w = calloc(1, sizeof(*w));

	if (!w)
		goto no_memory;
	w->pages.ops = &window_pages_ops;
	w->memfd = -1;
	w->size = size;
	w->page_count = size / HOST_PAGE_SIZE;
	w->page = calloc(w->page_count, 1);
	if (!w->page)
		goto no_memory;

	w->memfd = memfd_create("liburing-wasm", MFD_CLOEXEC);
	if (w->memfd < 0) {
		why->error = -errno;
		why->syscall = "memfd_create";
		goto fail;
	}
	if (ftruncate(w->memfd, (off_t) size) < 0) {
		why->error = -errno;
		why->syscall = "ftruncate";
		goto fail;
	}
	if (!map_identity(w, why))
		goto fail;
	return w;

no_memory:
	why->error = -ENOMEM;
	why->syscall = "malloc";
fail:
	if (w)
		window_close(w);
	return NULL;
}

int window_attach(struct window *w, void *memory, size_t memory_size,
		  struct failure *why)
{
	char *view = (char *) memory + w->start;

	why->error = -EINVAL;
	why->syscall = "mmap";
	if (w->wasm_view || memory_size < w->start + w->size ||
	    (uintptr_t) view % HOST_PAGE_SIZE)
		return why->error;
	if (mmap(view, w->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 w->memfd, 0) == MAP_FAILED) {
		why->error = -errno;
		return why->error;
	}
	w->wasm_view = view;
	return 0;
}

void window_close(struct window *w)
{
	/*
	 * Somebody else's mmap could take a hole in V8's reservation, and V8
	 * would then write to it or unmap it: put plain memory back.
	 */
	if (w->wasm_view &&
	    mmap(w->wasm_view, w->size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		abort();
	if (w->start)
		munmap((void *) w->start, w->size);
	if (w->memfd >= 0)
		close(w->memfd);
	free(w->page);
	free(w);
}

bool window_contains(const struct window *w, uintptr_t address, size_t size)
{
	return address >= w->start && size <= w->size &&
	       address - w->start <= w->size - size;
}

/* First page of @count free ones in [@from, @to), or @to. */
static size_t find_run(const struct window *w, size_t count, size_t from,
		       size_t to)
{
	size_t run = 0;

	for (size_t i = from; i < to; i++) {
		run = w->page[i] == PAGE_FREE ? run + 1 : 0;
		if (run == count)
			return i + 1 - count;
	}
	return to;
}

long window_mmap(struct window *w, size_t length)
{
	size_t count = page_align(length) / HOST_PAGE_SIZE;
	size_t first;

	if (!length || length > w->size)
		return length ? -ENOMEM : -EINVAL;
	first = find_run(w, count, w->next_fit, w->page_count);
	if (first == w->page_count)
		first = find_run(w, count, 0, w->page_count);
	if (first == w->page_count)
		return -ENOMEM;
	memset(w->page + first, PAGE_USED, count);
	w->next_fit = first + count;
	return (long) (w->start + first * HOST_PAGE_SIZE);
}

/* Maps over pages of the window, in the host and in wasm. */
static bool map_over(const struct window *w, uintptr_t address, size_t length,
		     int prot, int fd, off_t offset)
{
	return mmap((void *) address, length, prot, MAP_SHARED | MAP_FIXED, fd,
		    offset) != MAP_FAILED &&
	       mmap(w->wasm_view + (address - w->start), length, prot,
		    MAP_SHARED | MAP_FIXED, fd, offset) != MAP_FAILED;
}

/* Maps the memfd again over mapped pages. There must never be a hole. */
static void map_back(const struct window *w, uintptr_t address, size_t length)
{
	if (!map_over(w, address, length, PROT_READ | PROT_WRITE, w->memfd,
		      (off_t) (address - w->start)))
		abort();
}

long window_map(struct window *w, int fd, size_t length, int prot, off_t offset)
{
	long address = window_mmap(w, length);
	size_t first;

	if (address < 0)
		return address;
	length = page_align(length);
	if (!w->wasm_view) {
		window_munmap(w, (uintptr_t) address, length);
		return -EINVAL;
	}
	if (!map_over(w, (uintptr_t) address, length, prot, fd, offset)) {
		int error = errno;

		map_back(w, (uintptr_t) address, length);
		window_munmap(w, (uintptr_t) address, length);
		return -error;
	}
	first = ((uintptr_t) address - w->start) / HOST_PAGE_SIZE;
	memset(w->page + first, PAGE_MAPPED, length / HOST_PAGE_SIZE);
	return address;
}

int window_munmap(struct window *w, uintptr_t address, size_t length)
{
	size_t first, count;

	length = page_align(length);
	if (!length || address % HOST_PAGE_SIZE ||
	    !window_contains(w, address, length))
		return -EINVAL;
	first = (address - w->start) / HOST_PAGE_SIZE;
	count = length / HOST_PAGE_SIZE;
	for (size_t i = 0; i < count; i++)
		if (w->page[first + i] == PAGE_FREE)
			return -EINVAL;
	if (memchr(w->page + first, PAGE_MAPPED, count))
		map_back(w, address, length);

	/* frees the memory; the next owner finds zeroes */
	if (fallocate(w->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t) (first * HOST_PAGE_SIZE), (off_t) length) < 0)
		memset((void *) address, 0, length);
	memset(w->page + first, PAGE_FREE, count);
	if (first < w->next_fit)
		w->next_fit = first;
	return 0;
}

int window_madvise(struct window *w, uintptr_t address, size_t length,
		   int advice)
{
	if (advice != MADV_DONTFORK && advice != MADV_DOFORK)
		return -EINVAL;
	if (!window_contains(w, address, length))
		return -ENOMEM;
	if (madvise((void *) address, length, advice) < 0 ||
	    madvise(w->wasm_view + (address - w->start), length, advice) < 0)
		return -errno;
	return 0;
}
