import { parseArgs } from 'node:util';
import { loadEncoder } from '../encode.js';
import { encoderNamed } from '../encoding/encode-call.js';
import { exit, print, printJson, UsageError } from './command.js';
import { describe, toJson } from './describe.js';
import { toHex } from './hex.js';
import { toC } from './initializer.js';
import { parseCalls } from './values.js';

export const summary = 'the bytes that a prep function writes';

export const help = `usage: liburing-wasm encode [--fields | --json | --c] NAME arg=value … [+ NAME arg=value …]

Calls liburing's function NAME with all its arguments, and writes the SQE to stdout:
64 bytes in hex, or 128 for the functions of big SQEs. After a +, one more function
writes to the same SQE.

Values are decimal, 0x hex, 0o octal or negative numbers, or C's constants, with | between
them. Pointers are addresses.

  --fields   the members of the SQE, as decode shows them
  --json     the same as JSON
  --c        an initializer in C

  liburing-wasm encode io_uring_prep_read fd=3 buf=0x1000 nbytes=4096 offset=0
  liburing-wasm encode --c io_uring_prep_openat dfd=AT_FDCWD path=0x1000 'flags=O_RDWR|O_CREAT' \\
      mode=0o644 + io_uring_sqe_set_flags flags=IOSQE_ASYNC`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { fields: { type: 'boolean' }, json: { type: 'boolean' }, c: { type: 'boolean' } },
  });
  if (Object.keys(values).length > 1) throw new UsageError('--fields, --json and --c are one or the other');
  const calls = parseCalls(positionals);
  const sizes = calls.map(({ name }) => encoderNamed(name).sqeSize);
  const { encode } = await loadEncoder();
  let bytes = new Uint8Array(Math.max(...sizes));
  for (const call of calls) bytes = Uint8Array.from(encode(call.name, call.args, bytes));
  if (values.json) printJson(toJson(bytes));
  else if (values.fields) print(describe(bytes));
  else print(values.c ? toC(bytes) : toHex(bytes));
  return exit.ok;
}
