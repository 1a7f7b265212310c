/** Arguments to try: the edges of every C type, and random values. */
import fc from 'fast-check';
import type { CParameter, CSignature } from 'liburing-wasm/encode';

/** A call: the arguments by position, without the SQE, and the bytes of the SQE before. */
export interface Case {
  arguments: bigint[];
  base: Uint8Array;
  /** Whether arguments of 64 bits are passed as bigints where a number would do. */
  exact: boolean;
}

const powers = [7n, 8n, 15n, 16n, 31n, 32n, 47n, 52n, 53n, 63n, 64n];
const edges = [0n, 1n, ...powers.flatMap((n) => [2n ** n - 1n, 2n ** n, 2n ** n + 1n])];

/** Values of a C integer type. Its edges are more frequent. */
function integer(bits: number, signed: boolean): fc.Arbitrary<bigint> {
  const width = BigInt(bits);
  const [min, max] = signed ? [-(2n ** (width - 1n)), 2n ** (width - 1n) - 1n] : [0n, 2n ** width - 1n];
  const known = [min, max, ...edges, ...edges.map((edge) => -edge)].filter((value) => value >= min && value <= max);
  return fc.oneof(fc.constantFrom(...known), fc.bigInt({ min, max }));
}

/** User-space addresses: five levels of page tables, as far as a number holds them. */
const address = integer(53, false);

function argument({ kind, bits = 64, signed = false, c }: CParameter): fc.Arbitrary<bigint> {
  if (kind === 'pointer') return address;
  return /\bbool\b/.test(c) ? fc.bigInt({ min: 0n, max: 1n }) : integer(bits, signed);
}

/** Calls of a function. The SQE is not zero, so that bytes show which the function does not write. */
export function casesOf({ parameters }: CSignature): fc.Arbitrary<Case> {
  const list = parameters.filter(({ name }) => name !== 'sqe').map(argument);
  return fc.record({
    arguments: fc.tuple(...list),
    base: fc.oneof(fc.constant(new Uint8Array(128)), fc.uint8Array({ minLength: 128, maxLength: 128 })),
    exact: fc.boolean(),
  });
}
