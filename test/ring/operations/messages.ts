/** Messages from ring to ring. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IORING_MSG_RING_CQE_SKIP } from '../../../src/c.js';
import { MESSAGE_BIT } from '../../../src/index.js';
import { fails, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';

describe('messages', () => {
  it('msg_ring and msg_ring_cqe_flags', async () => {
    const [ring, other] = [openRing(), openRing()];
    const messages = other.messages();
    expect(await ring.msg_ring(other, 7, 2n ** 62n + 5n)).toBe(0);
    expect(await messages.next()).toEqual({ done: false, value: { data: 2n ** 62n + 5n, len: 7, flags: 0 } });
    expect(await ring.msg_ring_cqe_flags(other.fd, -3 >>> 0, 1, 0, 0xab0000)).toBe(0);
    expect(await messages.next()).toEqual({ done: false, value: { data: 1n, len: -3, flags: 0xab0000 } });
    await ring.msg_ring(ring, 1, 0);
    expect(await ring.messages().next()).toMatchObject({ value: { data: 0n, len: 1 } });
    await messages.return?.();
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    await ring.messages().return?.();
  });

  it('arrive in order, and are kept until they are asked for', async () => {
    const [ring, other] = [openRing({ entries: 8 }), openRing({ entries: 8 })];
    const sent = Array.from({ length: 100 }, (_, index) => ring.msg_ring(other, index, index));
    await Promise.all(sent);
    const received: number[] = [];
    for await (const { len } of other.messages()) {
      received.push(len);
      if (received.length === 100) break;
    }
    expect(received).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it('msg_ring_fd and msg_ring_fd_alloc send files', async () => {
    const [ring, other] = [openRing(), openRing()];
    const files = ring.registerFiles(2);
    const theirs = other.registerFiles(4);
    const path = newPath();
    writeFileSync(path, 'sent');
    const file = await ring.open_direct(path, 0, 0, files.at(1));
    const messages = other.messages();
    expect(await ring.msg_ring_fd(other, file, 2, 11)).toBe(0);
    expect(await messages.next()).toMatchObject({ value: { data: 11n, len: 0 } });
    const buf = Buffer.alloc(4);
    expect(await other.read(theirs.at(2), buf, 4, 0)).toBe(4);
    expect(buf.toString()).toBe('sent');
    // the slot in the other ring's table, which the kernel chose
    const place = await ring.msg_ring_fd_alloc(other, file, 12);
    expect(await messages.next()).toMatchObject({ value: { data: 12n, len: place } });
    expect(await other.read(theirs.at(place), buf, 4, 0)).toBe(4);
    const quiet = await ring.msg_ring_fd_alloc(other, file, 13, IORING_MSG_RING_CQE_SKIP);
    expect(await other.read(theirs.at(quiet), buf, 4, 0)).toBe(4);
    expect(messages).toHaveLength(0);
    await fails(ring.msg_ring_fd(other, files.at(0), 2, 11), 'EBADF');
    await fails(ring.msg_ring_fd_alloc(other, files.at(0), 11), 'EBADF');
    await messages.return?.();
  });

  it('fail with EBADFD and EINVAL, and carry 63 bits', async () => {
    const [ring, other] = [openRing(), openRing()];
    await fails(ring.msg_ring(-1, 0, 0), 'EBADF');
    await fails(ring.msg_ring(other, 0, 0, 1 << 20), 'EINVAL');
    await fails(ring.msg_ring_cqe_flags(0, 0, 0), 'EBADFD');
    await expect(ring.msg_ring(other, 0, MESSAGE_BIT)).rejects.toThrow(RangeError);
    await expect(ring.msg_ring(other, 0, -1)).rejects.toThrow(RangeError);
    await expect(ring.msg_ring(other, 0, 0.5)).rejects.toThrow('data must be an integer, not 0.5');
    await expect(ring.msg_ring('3' as never, 0, 0)).rejects.toThrow('fd must be a Ring or a ring\'s fd, not "3"');
    expect(ring.pending).toBe(0);
  });
});
