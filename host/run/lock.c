/* SPDX-License-Identifier: MIT */
/* Description: the runner's lock. */
#include "lock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void run_lock(void)
{
	pthread_mutex_lock(&lock);
}

void run_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void run_relock(void)
{
	lock = (pthread_mutex_t) PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	pthread_mutex_lock(&lock);
}
