/* SPDX-License-Identifier: MIT */
/* Description: a detached thread's end: the host unmaps what it stood on. */
#include "host.h"
#include "pthread_impl.h"

void __unmapself(void *base, size_t size)
{
	for (;;)
		__syscall(HOST_EXIT_UNMAPPING, base, size);
}
