/**
 * Exercise 7: IOSQE_CQE_SKIP_SUCCESS. A file is written in many pieces by chains whose members say
 * nothing when they succeed, but for the last; one that fails says so.
 *
 * node build/examples/course/07-skip-success.js FILE [PIECES]
 */
import { openSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Ring } from 'liburing-wasm';

/** How many requests a chain has. */
const LENGTH = 32;

/**
 * Writes the pieces one behind the other.
 *
 * @returns how many completions there were: one a chain.
 */
export async function writePieces(fd: number, pieces: readonly Uint8Array[]): Promise<number> {
  await using ring = new Ring();
  let completions = 0;
  let offset = 0;
  for (let first = 0; first < pieces.length; first += LENGTH) {
    const chain = ring.chain();
    for (const [index, piece] of pieces.slice(first, first + LENGTH).entries()) {
      const isLast = index === LENGTH - 1 || first + index === pieces.length - 1;
      chain.write(fd, piece, piece.length, offset, { skipSuccess: !isLast });
      offset += piece.length;
    }
    const written = chain.submit();
    // blocks until the chain is over, one way or the other, and says how many completions came
    completions += ring.submitAndWait();
    await written;
  }
  return completions;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, program, path, count = '1000'] = argv;
  if (path === undefined) {
    console.error(`${program}: FILE [PIECES]`);
    exit(1);
  }
  const pieces = Array.from({ length: Number(count) }, (_, index) => Buffer.from(`line ${index}\n`));
  const completions = await writePieces(openSync(path, 'w'), pieces);
  console.log(`${pieces.length} writes, ${completions} completions`);
}
