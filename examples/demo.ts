/** What `make demo` runs: the kernel, an SQE byte by byte, a file read, and IORING_OP_ZERO. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { versions } from 'node:process';
import { fileURLToPath } from 'node:url';
import * as liburing from 'liburing-wasm/c';
import {
  alloc,
  allocArray,
  check,
  free,
  hostError,
  io_uring,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_major_version,
  io_uring_minor_version,
  io_uring_opcode_supported,
  io_uring_params,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_sqe,
  io_uring_sqe_set_data64,
  memory,
} from 'liburing-wasm/c';
import { ioUringTest } from './io_uring-test.js';
import { zeroTheStart } from './zero.js';

const heading = (text: string): void => console.log(`\n${text}\n${'-'.repeat(text.length)}`);
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Names of the constants with a prefix whose bits are set in `value`. */
function flagNames(prefix: string, value: number): string[] {
  return Object.entries(liburing)
    .filter(([name, bit]) => name.startsWith(prefix) && typeof bit === 'number' && value & bit)
    .map(([name]) => name.slice(prefix.length).toLowerCase());
}

function showKernel(): void {
  const ring = alloc(io_uring);
  const params = alloc(io_uring_params);
  check(io_uring_queue_init_params(8, ring, params), 'io_uring_queue_init_params');
  const probe = io_uring_get_probe_ring(ring);
  if (!probe) throw new Error('this kernel has no probe: it is older than 5.6');
  const opcodes = Array.from({ length: probe.last_op + 1 }, (_, opcode) => opcode);
  const supported = opcodes.filter((opcode) => io_uring_opcode_supported(probe, opcode));
  const features = flagNames('IORING_FEAT_', params.features);

  console.log(`Linux ${release()}, Node ${versions.node}`);
  console.log(`liburing ${io_uring_major_version()}.${io_uring_minor_version()} in WebAssembly`);
  console.log(`window   ${hex(memory.start)} to ${hex(memory.end)}, the same for wasm and for the kernel`);
  console.log(`opcodes  ${supported.length} of ${liburing.IORING_OP_LAST} that the library knows`);
  console.log(
    `features ${features.length}: ${features.join(', ')}`.replace(/(.{1,88})(?:, |$)/g, '$1\n         ').trimEnd(),
  );

  io_uring_free_probe(probe);
  io_uring_queue_exit(ring);
  free(params);
  free(ring);
}

function showSqe(): void {
  const sqe = alloc(io_uring_sqe);
  const buf = allocArray(4096);
  io_uring_prep_read(sqe, 3, buf, buf.length, 8192);
  io_uring_sqe_set_data64(sqe, 0xc0ffeen);
  console.log(`io_uring_prep_read(sqe, 3, ${hex(buf.byteOffset)}, 4096, 8192)\n`);
  let end = 0;
  for (const { name, offset, size } of io_uring_sqe.fields) {
    // of members that overlap, the header's first is the one that a read uses
    if (offset < end || size === 0) continue;
    end = offset + size;
    const bytes = Buffer.from(sqe.bytes.subarray(offset, end))
      .toString('hex')
      .replace(/..(?=.)/g, '$& ');
    console.log(`${String(offset).padStart(4)}  ${bytes.padEnd(24)} ${name}`);
  }
  free(buf);
  free(sqe);
}

function showRead(): void {
  const file = fileURLToPath(new URL('../../LICENSE', import.meta.url));
  const same = ioUringTest(file).equals(readFileSync(file).subarray(0, 4 * 4096));
  console.log(`LICENSE read through the ring and by fs.readFileSync: ${same ? 'the same bytes' : 'DIFFERENT'}`);
  if (!same) throw new Error('the ring read something else than fs.readFileSync');
}

function showZero(): void {
  const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  try {
    const file = join(directory, 'file_with_stuff');
    writeFileSync(file, '1234567890');
    zeroTheStart(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (hostError) throw hostError;
heading('The kernel');
showKernel();
heading('An SQE, 64 bytes written by C');
showSqe();
heading('examples/io_uring-test.c in TypeScript');
showRead();
heading('io_uring_prep_zero');
showZero();
