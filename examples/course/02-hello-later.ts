/**
 * Exercise 2: a line, three seconds later, with everything prepared up front in one submit: a timeout
 * linked to a write. From the submit on, the kernel does it alone.
 *
 * node build/examples/course/02-hello-later.js [MILLISECONDS]
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Ring } from 'liburing-wasm';

/**
 * Writes `text` to a file after a time.
 *
 * A timeout that expires completes with ETIME, which is an error, and an error ends a chain. So the
 * `timeout` of a Ring has IORING_TIMEOUT_ETIME_SUCCESS set, and the write behind it starts. The other
 * way is a hard link, `.timeout(…, { link: 'hard' })`, which holds whatever the result is.
 */
export async function helloLater(fd: number, text: string, milliseconds: number): Promise<void> {
  await using ring = new Ring();
  await ring.chain().timeout(milliseconds).write(fd, Buffer.from(text)).submit();
}

if (argv[1] === fileURLToPath(import.meta.url)) await helloLater(1, 'Hello World\n', Number(argv[2] ?? 3000));
