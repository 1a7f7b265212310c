/**
 * Exercise 3: a file is opened, written, synced and closed by one linked chain. It never has an
 * ordinary descriptor: `openat_direct` puts it into the ring's own table, where the others find it.
 *
 * node build/examples/course/03-direct-file.js FILE TEXT
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Ring } from 'liburing-wasm';
import { AT_FDCWD, FUTEX_BITSET_MATCH_ANY, O_CREAT, O_TRUNC, O_WRONLY } from 'liburing-wasm/linux';

/** FUTEX2_PRIVATE | FUTEX2_SIZE_U32, of Linux 6.7: a futex of this process alone, of 32 bits. */
const FUTEX2 = 128 | 2;

/**
 * Writes a file.
 *
 * @param whileOpen - Called when all is written, with the file still open. The chain has two more
 * members for it: a message to its own ring, which tells that it has come so far, and a wait for a
 * futex, which holds it.
 */
export async function writeFile(path: string, text: string, whileOpen: (ring: Ring) => unknown): Promise<void> {
  await using ring = new Ring();
  const file = ring.registerFiles(1).at(0);
  const data = Buffer.from(text);
  const door = ring.memory.allocArray(1, Int32Array);

  const written = ring
    .chain()
    .openat_direct(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644, file)
    .write(file, data, data.length, 0)
    .fsync(file)
    .msg_ring(ring, 0, 0)
    .futex_wait(door, 0, FUTEX_BITSET_MATCH_ANY, FUTEX2)
    .close_direct(file)
    .submit();

  // whichever is first: if the chain fails, there is no message
  const message = ring.messages().next();
  if ((await Promise.race([message, written])) !== undefined) await whileOpen(ring);
  door[0] = 1;
  await ring.futex_wake(door, 1, FUTEX_BITSET_MATCH_ANY, FUTEX2);
  await written;
}

/** The process's ordinary descriptors, and what each is of. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').map((fd) => {
    try {
      return `fd ${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      // the one that readdirSync had
      return `fd ${fd}`;
    }
  });
}

/** The ring's files, as the kernel lists them. */
const registered = (ring: Ring): string[] =>
  (/^UserFiles:.*\n((?: .*\n)*)/m.exec(readFileSync(`/proc/self/fdinfo/${ring.fd}`, 'utf8'))?.[1] ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `registered ${line.trim()}`);

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, program, path, text] = argv;
  if (path === undefined || text === undefined) {
    console.error(`${program}: FILE TEXT`);
    exit(1);
  }
  await writeFile(path, text, (ring) => console.log([...registered(ring), ...descriptors()].join('\n')));
}
