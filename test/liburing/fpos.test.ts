/** The port of liburing's test/fpos.c: test io_uring fpos handling. */

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IOSQE_ASYNC,
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { ECANCELED, O_CREAT, O_RDONLY, O_RDWR } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { close, lseek, newPath, open, read, SEEK_CUR, SEEK_SET, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

const FILE_SIZE = 5000;
const QUEUE_SIZE = 2048;

const ring = newRing();
const cqe = newCqe();
beforeAll(() => {
  expect(io_uring_queue_init(QUEUE_SIZE, ring, 0)).toBe(0);
});
afterAll(() => io_uring_queue_exit(ring));

/** 0 and 1, by turns */
const alternating = Buffer.from(Array.from({ length: FILE_SIZE }, (_, idx) => idx & 0x01));

function test_read(async: boolean, blocksize: number): void {
  const buff = allocArray(QUEUE_SIZE * blocksize);
  const fname = newPath('.test_fpos_read');
  writeFileSync(fname, alternating);
  const fd = open(fname, O_RDONLY);
  unlink(fname);
  expect(fd).toBeGreaterThanOrEqual(0);

  const read: number[] = [];
  for (let done = false; !done; ) {
    for (let i = 0; i < QUEUE_SIZE; ++i) {
      const sqe = get_sqe(ring);
      io_uring_prep_read(sqe, fd, buff.subarray(i * blocksize), blocksize, -1);
      sqe.user_data = i;
      if (async) sqe.flags |= IOSQE_ASYNC;
      if (i !== QUEUE_SIZE - 1) sqe.flags |= IOSQE_IO_LINK;
    }
    expect(io_uring_submit_and_wait(ring, QUEUE_SIZE)).toBe(QUEUE_SIZE);

    for (let i = 0; i < QUEUE_SIZE; ++i) {
      if (io_uring_peek_cqe(ring, cqe)) expect.fail('peek');
      const { res, user_data } = cqe.value;
      io_uring_cqe_seen(ring, cqe.value);
      if (user_data >= BigInt(QUEUE_SIZE)) expect.fail(`user_data ${user_data}`);
      if (res === 0) done = true;
      else if (res === -ECANCELED) continue; /* canceled, probably ok */
      else if (res < 0 || res > blocksize) expect.fail(`bad read: ${res}`);
      const at = Number(user_data) * blocksize;
      read.push(...buff.subarray(at, at + res));
    }
    expect(lseek(fd, 0, SEEK_CUR)).toBe(read.length);
  }
  // C counts them: there may be one more of the ones than of the others
  expect(Buffer.compare(Buffer.from(read), alternating), 'data').toBe(0);
  close(fd);
}

function test_write(async: boolean, blocksize: number): void {
  const fname = newPath('.test_fpos_write');
  const fd = open(fname, O_RDWR | O_CREAT, 0o644);
  unlink(fname);
  expect(fd).toBeGreaterThanOrEqual(0);

  const data = allocString('ABCDEFG'.slice(0, blocksize));

  for (let i = 0; i < QUEUE_SIZE; ++i) {
    const sqe = get_sqe(ring);
    io_uring_prep_write(sqe, fd, data.subarray(i % blocksize), 1, -1);
    sqe.user_data = 1;
    if (async) sqe.flags |= IOSQE_ASYNC;
    if (i !== QUEUE_SIZE - 1) sqe.flags |= IOSQE_IO_LINK;
  }
  expect(io_uring_submit_and_wait(ring, QUEUE_SIZE)).toBe(QUEUE_SIZE);

  for (let i = 0; i < QUEUE_SIZE; ++i) {
    if (io_uring_peek_cqe(ring, cqe)) expect.fail('peek');
    if (cqe.value.res !== 1) expect.fail(`bad result ${cqe.value.res}`);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(lseek(fd, 0, SEEK_CUR)).toBe(QUEUE_SIZE);
  expect(lseek(fd, 0, SEEK_SET)).toBe(0);

  const readbuff = allocArray(QUEUE_SIZE + 1);
  expect(read(fd, readbuff, QUEUE_SIZE)).toBe(QUEUE_SIZE);
  const text = 'ABCDEFG'.slice(0, blocksize).repeat(QUEUE_SIZE).slice(0, QUEUE_SIZE);
  expect(stringOf(readbuff)).toBe(text);
  close(fd);
}

describe.each([7, 1])('blocks of %d', (blocksize) => {
  it('test_read', () => test_read(false, blocksize));
  it('test_read, async', () => test_read(true, blocksize));
  it('test_write', () => test_write(false, blocksize));
  it('test_write, async', () => test_write(true, blocksize));
});
