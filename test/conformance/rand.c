/* SPDX-License-Identifier: MIT */
/*
 * Description: rand(3) for the tests in both builds, as each C library has
 * another, and what the tests submit depends on it.
 */
#include <stdlib.h>

static unsigned long state = 1;

void srand(unsigned int seed)
{
	state = seed ? seed : 1;
}

int rand(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int) (state >> 33);
}
