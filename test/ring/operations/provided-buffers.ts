/** Buffers that are provided one by one, as older programs do. */
import { writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  allocArray,
  free,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_free_buf_ring,
  io_uring_setup_buf_ring,
  SystemError,
} from '../../../src/c.js';
import { MSG_NOSIGNAL, SHUT_WR } from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';
import { closing, connection } from '../../support/sockets.js';

describe('provided buffers', () => {
  it('provide_buffers, remove_buffers, and the option bufferGroup', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const memory = Buffer.alloc(4 * 16);
    await fails(ring.provide_buffers(memory, 16, 4, 9, 65535), 'EINVAL');
    expect(await ring.provide_buffers(memory, 16, 4, 9, 0)).toBe(0);
    writeSync(output, 'in some buffer');
    expect(await ring.read(input, null, 16, -1, { bufferGroup: 9 })).toBe(14);
    // the kernel takes one buffer, and leaves the others untouched
    const filled = [0, 1, 2, 3].filter((index) => memory[index * 16] !== 0);
    expect(filled.length).toBe(1);
    const at = (filled[0] ?? 0) * 16;
    expect(memory.toString('utf8', at, at + 14)).toBe('in some buffer');
    expect(await ring.remove_buffers(100, 9)).toBe(3);
    await fails(ring.remove_buffers(1, 10), 'ENOENT');
    writeSync(output, 'x');
    await fails(ring.read(input, null, 16, -1, { bufferGroup: 9 }), 'ENOBUFS');
  });

  it('send_bundle sends several buffers of a buffer ring', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const memory = Buffer.from('one.two.six.');
    // a BufferRing is for receiving, so this one is set up as in C
    const error = allocArray(1, Int32Array);
    const buffers = io_uring_setup_buf_ring(ring.struct, 4, 1, 0, error);
    if (!buffers) throw new SystemError(error[0] ?? 0, 'io_uring_setup_buf_ring');
    const mask = io_uring_buf_ring_mask(4);
    for (let index = 0; index < 3; index++)
      io_uring_buf_ring_add(buffers, memory.subarray(4 * index), 4, index, mask, index);
    io_uring_buf_ring_advance(buffers, 3);
    expect(await ring.send_bundle(client, 0, 0, { bufferGroup: 1 })).toBe(12);
    const buf = Buffer.alloc(100);
    expect(await ring.recv(server, buf)).toBe(12);
    expect(buf.toString('utf8', 0, 12)).toBe('one.two.six.');
    await fails(ring.send_bundle(client, 0, 0, { bufferGroup: 1 }), 'ENOBUFS');
    io_uring_buf_ring_add(buffers, memory, 4, 0, mask, 0);
    io_uring_buf_ring_advance(buffers, 1);
    await ring.shutdown(client, SHUT_WR);
    await fails(ring.send_bundle(client, 0, MSG_NOSIGNAL, { bufferGroup: 1 }), 'EPIPE');
    expect(io_uring_free_buf_ring(ring.struct, buffers, 4, 1)).toBe(0);
    free(error);
  });
});
