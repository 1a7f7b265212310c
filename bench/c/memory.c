/* SPDX-License-Identifier: MIT */
/*
 * Description: resident memory, in bytes: of a ring, on average over some; or
 * what ten million NOPs leave behind.
 * Arguments: milliseconds, which nobody needs here, and: ring ENTRIES, or
 * growth.
 */
#include "batches.h"

#define RINGS	   16
#define BATCH	   32
#define OPERATIONS 10000000
#define WARM_UP	   2000000

static struct io_uring rings[RINGS];

static void prepare(struct io_uring_sqe *sqe, unsigned int index)
{
	(void) index;
	io_uring_prep_nop(sqe);
}

static void check(const struct io_uring_cqe *cqe)
{
	if (cqe->res)
		bench_fail("NOP");
}

static double resident(void)
{
	char line[256];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");

	if (!file)
		bench_fail("/proc/self/status");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %lu", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024.0;
}

/* Each ring wraps around once, so that all of it is in memory. */
static void use(struct io_uring *ring, unsigned int entries)
{
	for (unsigned int done = 0; done < 2 * entries; done += BATCH)
		run_batch(ring, BATCH, prepare, check, FOR_EACH);
}

static double of_ring(unsigned int entries)
{
	double before = resident();

	for (int i = 0; i < RINGS; i++) {
		open_ring(&rings[i], entries, "coop");
		use(&rings[i], entries);
	}
	return (resident() - before) / RINGS;
}

static double growth(void)
{
	double before;

	open_ring(&rings[0], 256, "coop");
	use(&rings[0], WARM_UP);
	before = resident();
	use(&rings[0], OPERATIONS / 2);
	return resident() - before;
}

int main(int argc, char **argv)
{
	resident(); /* its own buffers */
	if (argc == 4 && !strcmp(argv[2], "ring"))
		bench_report(of_ring(atoi(argv[3])));
	else if (argc == 3 && !strcmp(argv[2], "growth"))
		bench_report(growth());
	else
		bench_fail("usage: memory MS ring ENTRIES|growth");
	return 0;
}
