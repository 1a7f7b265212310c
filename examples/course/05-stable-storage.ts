/**
 * Exercise 5: a file gets new content such that after a crash it has the old or the new one, never
 * less, never a mixture. One linked chain, in which nothing begins before the kernel has said that
 * the step before it is done.
 *
 * node build/examples/course/05-stable-storage.js FILE < CONTENT
 * node build/examples/course/05-stable-storage.js --checksum FILE < CONTENT
 */
import { dirname } from 'node:path';
import { argv, exit, stdin } from 'node:process';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type FileTable, Ring } from 'liburing-wasm';
import { sockaddr_alg } from 'liburing-wasm/c';
import {
  AF_ALG,
  AT_FDCWD,
  MSG_WAITALL,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  SOCK_SEQPACKET,
} from 'liburing-wasm/linux';

/** Where the new content is until it has its name. A crash may leave it behind; the next update takes it over. */
const besides = (path: string): string => `${path}.new`;

/**
 * Replaces a file's content.
 *
 * The new content is on disk before it gets the name, and the name before the promise is resolved. A
 * write that is short, for want of room, breaks the link as an error does: what is renamed is whole.
 * If a member fails, the file is as it was; but for a failed fsync, which does not break a link in
 * today's kernels, so that the rename follows it (see Chain). The error is reported all the same, and
 * says what it says after any failed fsync(2): nobody knows what the disk has.
 *
 * @param ring - With a table of at least two files, of which the first two are used.
 */
export async function update(ring: Ring, files: FileTable, path: string, content: Uint8Array) {
  const [file, directory] = [files.at(0), files.at(1)];
  await ring
    .chain()
    .openat_direct(AT_FDCWD, besides(path), O_WRONLY | O_CREAT | O_TRUNC, 0o644, file)
    .write(file, content, content.length, 0)
    .fsync(file)
    .close_direct(file)
    .renameat(AT_FDCWD, besides(path), AT_FDCWD, path)
    // the name is in the directory, which has to be synced on its own
    .openat_direct(AT_FDCWD, dirname(path), O_RDONLY | O_DIRECTORY, 0, directory)
    .fsync(directory)
    .close_direct(directory)
    .submit();
}

/** Bytes of a SHA-256. */
export const DIGEST = 32;

/**
 * The same, and behind the content stands its SHA-256, which the kernel computes within the chain: what
 * is sent to an AF_ALG socket is hashed, what is received from it is the hash. The member that writes
 * the hash is prepared when nobody knows it yet; it reads its buffer when it runs.
 *
 * @param ring - With a table of at least four files.
 * @throws EAFNOSUPPORT where the kernel has no AF_ALG, ENOENT where it has no hash sockets or SHA-256.
 */
export async function updateWithChecksum(ring: Ring, files: FileTable, path: string, content: Uint8Array) {
  const [file, directory, algorithm, hash] = [files.at(0), files.at(1), files.at(2), files.at(3)];
  const address = ring.memory.alloc(sockaddr_alg);
  address.salg_family = AF_ALG;
  address.salg_type.set(Buffer.from('hash'));
  address.salg_name.set(Buffer.from('sha256'));
  const digest = Buffer.alloc(DIGEST);
  try {
    await ring
      .chain()
      .socket_direct(AF_ALG, SOCK_SEQPACKET, 0, algorithm)
      .bind(algorithm, address)
      .accept_direct(algorithm, null, null, 0, hash)
      .send(hash, content, content.length, MSG_WAITALL)
      .recv(hash, digest, DIGEST, MSG_WAITALL)
      .close_direct(hash)
      .close_direct(algorithm)
      .openat_direct(AT_FDCWD, besides(path), O_WRONLY | O_CREAT | O_TRUNC, 0o644, file)
      .write(file, content, content.length, 0)
      .write(file, digest, DIGEST, content.length)
      .fsync(file)
      .close_direct(file)
      .renameat(AT_FDCWD, besides(path), AT_FDCWD, path)
      .openat_direct(AT_FDCWD, dirname(path), O_RDONLY | O_DIRECTORY, 0, directory)
      .fsync(directory)
      .close_direct(directory)
      .submit();
  } finally {
    ring.memory.free(address);
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ options: { checksum: { type: 'boolean' } }, allowPositionals: true });
  const [path] = positionals;
  if (path === undefined) {
    console.error(`${argv[1]}: [--checksum] FILE < CONTENT`);
    exit(1);
  }
  await using ring = new Ring();
  const files = ring.registerFiles(4);
  await (values.checksum ? updateWithChecksum : update)(ring, files, path, await buffer(stdin));
}
