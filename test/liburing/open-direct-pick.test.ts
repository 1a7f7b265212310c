/** The port of liburing's test/open-direct-pick.c: opens of files whose slots the kernel picks. */

import { expect, it } from 'vitest';
import {
  allocString,
  free,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_close_direct,
  io_uring_prep_openat_direct,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files_sparse,
  io_uring_submit,
} from '../../src/c.js';
import { EBADF, EINVAL, ENFILE, O_RDONLY } from '../../src/linux.js';
import { newPath, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skipSilently } from './support/skip.js';

const FDS = 800;

function submit_wait(ring: io_uring): number {
  const cqe = newCqe();
  if (io_uring_submit(ring) !== 1) expect.fail('sqe submit failed');
  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  free(cqe);
  return res;
}

function try_close(ring: io_uring, slot: number): number {
  io_uring_prep_close_direct(get_sqe(ring), slot);
  return submit_wait(ring);
}

/** Returns the slots; C has -EINVAL skip the test where it expects it to be -ENFILE. */
function do_opens(ring: io_uring, path: Uint8Array, nr: number, expect_enfile: boolean): number[] {
  const cqe = newCqe();
  const slots: number[] = [];

  for (let i = 0; i < nr; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_openat_direct(sqe, -1, path, O_RDONLY, 0, 0);
    sqe.file_index = 0xffffffff;

    if (io_uring_submit(ring) !== 1) expect.fail('sqe submit failed');
  }

  for (let i = 0; i < nr; i++) {
    const { res } = waited(ring, cqe);
    if (expect_enfile) expect(res).toBe(-ENFILE);
    else if (res < 0) expect.fail(`open=${res}, ${i}`);
    else slots.push(res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  return slots;
}

it('test_openat', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const ret = io_uring_register_files_sparse(ring, FDS);
  if (ret === -EINVAL) skipSilently('no sparse file array');
  expect(ret).toBe(0);

  const fname = newPath('.open.direct.pick');
  t_create_file(fname, 4096);
  const path = allocString(fname);

  /* open all */
  const all = do_opens(ring, path, FDS, false);
  // C does not check the slots
  expect(new Set(all).size).toBe(FDS);

  /* now close 100 randomly */
  const closed = new Set<number>();
  while (closed.size < 100) {
    const slot = Math.floor(Math.random() * FDS);
    const res = try_close(ring, slot);
    // C continues at any other result
    expect(res).toBe(closed.has(slot) ? -EBADF : 0);
    closed.add(slot);
  }

  /* opening 100 should work, we closed 100 */
  expect(new Set(do_opens(ring, path, 100, false))).toEqual(closed);

  /* we should be full now, expect -ENFILE */
  do_opens(ring, path, 1, true);

  io_uring_queue_exit(ring);
});
