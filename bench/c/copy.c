/* SPDX-License-Identifier: MIT */
/*
 * Description: copies a file of 64 MiB with liburing's own io_uring-cp, whose
 * main() goes by another name here. An operation is a MiB.
 * Arguments: milliseconds, the file, where to copy it.
 */
#include "bench.h"

#define FILE_MIB 64

int io_uring_cp(int argc, char *argv[]);

static char **arguments;

static void copy(unsigned long operations)
{
	for (unsigned long done = 0; done < operations; done += FILE_MIB)
		if (io_uring_cp(3, arguments))
			bench_fail("io_uring-cp");
}

int main(int argc, char **argv)
{
	char *program = "io_uring-cp";

	if (argc != 4)
		bench_fail("usage: copy MS FILE COPY");
	arguments = (char *[]){ program, argv[2], argv[3], NULL };
	bench_measure(copy, atof(argv[1]));
	return 0;
}
