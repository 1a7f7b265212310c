/** The flags that any SQE can have, the lowest bit first. */
import * as uring from '../dist/encode.js';

export const sqeFlags: readonly (readonly [name: string, bit: number])[] = Object.entries<unknown>({ ...uring })
  .filter((entry): entry is [string, number] => /^IOSQE_(?!.*_BIT$)/.test(entry[0]) && typeof entry[1] === 'number')
  .sort(([, a], [, b]) => a - b);
