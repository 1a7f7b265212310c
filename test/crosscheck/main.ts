/** `make crosscheck`: calls every function that writes an SQE many times. */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encoders, loadEncoder } from 'liburing-wasm/encode';
import { crosscheck, describeMismatch } from './crosscheck.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('main.js [--cases N] [--seed N]: compares N calls of each function with native C');
  process.exit();
}
const count = Number(values.cases);
const seed = Number(values.seed);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  console.error('--cases and --seed have to be integers');
  process.exit(2);
}

const program = fileURLToPath(new URL('../reference', import.meta.url));
const encoder = await loadEncoder();
let mismatches = 0;
let done = 0;
for (const signature of encoders.values()) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Kcrosscheck: ${++done}/${encoders.size} ${signature.name}`);
  const mismatch = crosscheck(encoder, program, signature, count, seed);
  if (!mismatch) continue;
  mismatches++;
  console.log(`${process.stderr.isTTY ? '\n' : ''}${describeMismatch(mismatch)}`);
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
if (mismatches > 0) console.log(`seed ${seed}`);
console.log(`crosscheck: ${encoders.size} functions, ${encoders.size * count} cases, ${mismatches} mismatches`);
process.exit(mismatches > 0 ? 1 : 0);
