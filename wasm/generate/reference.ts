/**
 * Emits a native program that prepares SQEs: what everything else is compared with. It reads lines
 * `INDEX ARGUMENT… BASE`, where INDEX counts the functions that write an SQE in the order of the
 * headers, arguments are unsigned decimal numbers (the SQE is left out) and BASE is the SQE to write
 * to, 256 hex digits. It prints the 256 hex digits afterwards.
 */
import type { CFunction, Model } from './model.js';

/** Functions that write an SQE: they take one and return nothing. */
export const writesSqe = ({ result, parameters }: CFunction): boolean =>
  result.kind === 'void' && parameters.some(({ name }) => name === 'sqe');

function call({ name, parameters }: CFunction, index: number): string {
  let next = 0;
  const list = parameters.map((parameter) => {
    if (parameter.name === 'sqe') return 'sqe';
    const value = `a[${next++}]`;
    return parameter.type.kind === 'pointer'
      ? `(${parameter.type.c}) (uintptr_t) ${value}`
      : `(${parameter.type.c}) ${value}`;
  });
  return `	case ${index}:\n		${name}(${list.join(', ')});\n		return ${next};`;
}

export function emitReference(model: Model, banner: string): string {
  const functions = model.functions.filter(writesSqe);
  return `/* ${banner} */
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns how many arguments it took, or -1 for a function it does not have. */
static int prepare(unsigned long function, struct io_uring_sqe *sqe,
		   const unsigned long long *a)
{
	switch (function) {
${functions.map(call).join('\n')}
	default:
		return -1;
	}
}

int main(void)
{
	static char line[4096];

	while (fgets(line, sizeof(line), stdin)) {
		struct io_uring_sqe sqe[2];
		unsigned char *bytes = (unsigned char *) sqe;
		unsigned long long a[8] = { 0 };
		int count = 0;
		char *rest, *word = strtok_r(line, " \\n", &rest);
		unsigned long function = strtoul(word ? word : "", NULL, 10);

		while ((word = strtok_r(NULL, " \\n", &rest)) && strlen(word) != 2 * sizeof(sqe) && count < 8)
			a[count++] = strtoull(word, NULL, 10);
		if (!word || strlen(word) != 2 * sizeof(sqe))
			return 2;
		for (size_t i = 0; i < sizeof(sqe); i++) {
			char digits[3] = { word[2 * i], word[2 * i + 1], 0 };

			bytes[i] = (unsigned char) strtoul(digits, NULL, 16);
		}
		if (prepare(function, sqe, a) != count)
			return 2;
		for (size_t i = 0; i < sizeof(sqe); i++)
			printf("%02x", bytes[i]);
		putchar('\\n');
	}
	return 0;
}
`;
}
