/** Buffers stay alive while the kernel may write to them, whatever happens around them. */
import { closeSync, readSync, writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocPointers,
  free,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_pipe,
  io_uring_prep_read,
  io_uring_prep_readv,
  io_uring_register_buffers,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
  type io_uring as Ring,
} from '../../src/c.js';
import { openRing } from '../support/ring.js';
import { runScript } from '../support/subprocess.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Whether the garbage collector, when given every chance, collects an object. */
async function isCollected(ref: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return ref.deref() === undefined;
}

const sqeOf = (ring: Ring) => {
  const sqe = io_uring_get_sqe(ring);
  if (!sqe) throw new Error('no SQE');
  return sqe;
};

function openPipe(ring: Ring): [read: number, write: number] {
  const fds = allocArray(2, Int32Array);
  const cqe = allocPointers(io_uring_cqe);
  io_uring_prep_pipe(sqeOf(ring), fds, 0);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
  free(cqe);
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/** Prepares a read into a buffer that only the library references. */
function readIntoUnknown(ring: Ring, fd: number, userData: number): WeakRef<object> {
  const buffer = new Uint8Array(1 << 20);
  const sqe = sqeOf(ring);
  io_uring_prep_read(sqe, fd, buffer, buffer.length, 0);
  sqe.user_data = userData;
  return new WeakRef(buffer);
}

for (const [how, finish] of [
  ['io_uring_cqe_seen', (ring: Ring, cqe: io_uring_cqe) => io_uring_cqe_seen(ring, cqe)],
  ['io_uring_cq_advance', (ring: Ring) => io_uring_cq_advance(ring, 1)],
] as const) {
  it(`a Buffer lives until ${how} ends its request, and no longer`, async () => {
    const ring = openRing(8);
    const [input, output] = openPipe(ring);
    const cqe = allocPointers(io_uring_cqe);
    const ref = readIntoUnknown(ring, input, 7);
    expect(await isCollected(ref)).toBe(false);
    expect(io_uring_submit(ring)).toBe(1);
    expect(await isCollected(ref)).toBe(false);
    writeSync(output, 'hello');
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(5);
    finish(ring, cqe.value);
    expect(await isCollected(ref)).toBe(true);
    closeSync(input);
    closeSync(output);
    free(cqe);
  });
}

it('of several requests with the same user_data, the last completion releases the buffers', async () => {
  const ring = openRing(8);
  const pipes = [openPipe(ring), openPipe(ring)];
  const cqe = allocPointers(io_uring_cqe);
  const refs = pipes.map(([input]) => readIntoUnknown(ring, input, 0));
  expect(io_uring_submit(ring)).toBe(2);
  const complete = ([, output]: [number, number]): void => {
    writeSync(output, 'x');
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
  };
  const [first, second] = pipes as [[number, number], [number, number]];
  complete(second);
  for (const ref of refs) expect(await isCollected(ref)).toBe(false);
  complete(first);
  for (const ref of refs) expect(await isCollected(ref)).toBe(true);
  for (const fd of pipes.flat()) closeSync(fd);
  free(cqe);
});

it('an iovec keeps the buffer that was stored in it, and passes it on to the request', async () => {
  const ring = openRing(8);
  const [input, output] = openPipe(ring);
  const cqe = allocPointers(io_uring_cqe);
  const iov = alloc(iovec);
  const ref = (() => {
    const buffer = new Uint8Array(1 << 20);
    iov.iov_base = buffer;
    iov.iov_len = buffer.length;
    return new WeakRef(buffer);
  })();
  expect(await isCollected(ref)).toBe(false);
  io_uring_prep_readv(sqeOf(ring), input, iov, 1, 0);
  expect(io_uring_submit(ring)).toBe(1);
  free(iov); // the kernel has copied the iovec; the buffer is in flight
  expect(await isCollected(ref)).toBe(false);
  writeSync(output, 'hello');
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(5);
  io_uring_cqe_seen(ring, cqe.value);
  expect(await isCollected(ref)).toBe(true);
  closeSync(input);
  closeSync(output);
  free(cqe);
});

it('registered buffers live as long as the ring', async () => {
  const ring = openRing(8);
  const ref = (() => {
    const iov = alloc(iovec);
    const buffer = new Uint8Array(1 << 16);
    iov.iov_base = buffer;
    iov.iov_len = buffer.length;
    expect(io_uring_register_buffers(ring, iov, 1)).toBe(0);
    free(iov);
    return new WeakRef(buffer);
  })();
  expect(await isCollected(ref)).toBe(false);
});

it('reads into Buffers are correct while the garbage collector runs', () => {
  const ring = openRing(64);
  const [input, output] = openPipe(ring);
  const cqe = allocPointers(io_uring_cqe);
  const back = Buffer.alloc(64);
  for (let i = 0; i < 5000; i++) {
    const buffer = Buffer.from(new ArrayBuffer(64));
    const message = `message ${i}`;
    io_uring_prep_read(sqeOf(ring), input, buffer, buffer.length, 0);
    io_uring_submit(ring);
    if (i % 100 === 0) collect();
    writeSync(output, message);
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(buffer.toString('utf8', 0, cqe.value.res)).toBe(message);
    io_uring_cqe_seen(ring, cqe.value);
  }
  writeSync(output, 'end');
  expect(readSync(input, back)).toBe(3);
  closeSync(input);
  closeSync(output);
});

it('instances that are collected give their windows back', () => {
  const { status, stderr, stdout } = runScript(
    `import { io_uring, createInstance } from 'liburing-wasm/c';
     import { readdirSync } from 'node:fs';
     const fds = () => readdirSync('/proc/self/fd').length;
     const before = fds();
     // many more than the addresses have room for at once
     for (let i = 0; i < 100; i++) {
       const { functions, memory } = createInstance({ windowSize: 256 << 20 });
       if (functions.io_uring_queue_init(8, memory.alloc(io_uring), 0) !== 0) throw new Error('no ring');
       for (let k = 0; k < 3; k++) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
     }
     gc();
     await new Promise((resolve) => setTimeout(resolve, 10));
     gc();
     await new Promise((resolve) => setTimeout(resolve, 10));
     console.log(fds() - before);`,
    { nodeFlags: ['--expose-gc'] },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  // the finalizers of the last few may not have run yet
  expect(Number(stdout)).toBeLessThan(10);
});
