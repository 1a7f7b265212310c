/**
 * Copies a file with 64 requests of 32 KiB in flight: ../io_uring-cp.ts on a Ring. C's table of blocks,
 * and what each is about to do, are here 64 loops.
 *
 * node build/examples/ring/io_uring-cp.js infile outfile
 */
import { argv, exit } from 'node:process';
import { Ring, SystemError } from 'liburing-wasm';
import { AT_FDCWD, EAGAIN, EIO, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from 'liburing-wasm/linux';
import { get_file_size, perror, strerror } from '../libc.js';

const QD = 64;
const BS = 32 * 1024;

type Transfer = (bytes: Uint8Array, offset: number) => Promise<number>;

/** Reads or writes all bytes, however short the single transfers are. */
async function transferAll(transfer: Transfer, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    try {
      const length = await transfer(bytes.subarray(done), offset + done);
      // the file has become shorter
      if (length === 0) throw new SystemError(-EIO, 'read');
      done += length;
    } catch (error) {
      if ((error as SystemError).errno !== -EAGAIN) throw error;
    }
  }
}

async function copyFile(ring: Ring, infd: number, outfd: number, size: number): Promise<void> {
  const read: Transfer = (bytes, offset) => ring.read(infd, bytes, bytes.length, offset);
  const write: Transfer = (bytes, offset) => ring.write(outfd, bytes, bytes.length, offset);
  let next = 0;
  const copyBlocks = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafe(BS);
    while (next < size) {
      const offset = next;
      const block = buffer.subarray(0, Math.min(BS, size - offset));
      next += block.length;
      await transferAll(read, block, offset);
      await transferAll(write, block, offset);
    }
  };
  await Promise.all(Array.from({ length: Math.min(QD, Math.ceil(size / BS)) }, copyBlocks));
}

async function main([program, infile, outfile]: readonly string[]): Promise<number> {
  if (infile === undefined || outfile === undefined) {
    console.log(`${program}: infile outfile`);
    return 1;
  }
  await using ring = new Ring({ entries: QD });
  const open = async (what: string, path: string, flags: number): Promise<number> =>
    ring.openat(AT_FDCWD, path, flags, 0o644).catch((error: SystemError) => {
      perror(`open ${what}`, error.errno);
      return -1;
    });
  const infd = await open('infile', infile, O_RDONLY);
  if (infd < 0) return 1;
  const outfd = await open('outfile', outfile, O_WRONLY | O_CREAT | O_TRUNC);
  if (outfd < 0) return 1;
  const size = get_file_size(infd);
  if (size < 0) return 1;
  try {
    await copyFile(ring, infd, outfd, size);
  } catch (error) {
    console.error(`cqe failed: ${strerror(-(error as SystemError).errno)}`);
    return 1;
  }
  await Promise.all([ring.close_fd(infd), ring.close_fd(outfd)]);
  return 0;
}

exit(await main(argv.slice(1)));
