/* SPDX-License-Identifier: MIT */
/* Description: the end of a detached thread: the host unmaps its stack. */
#include "host.h"
#include "pthread_impl.h"

void __unmapself(void *base, size_t size)
{
	for (;;)
		__syscall(HOST_EXIT_UNMAPPING, base, size);
}
