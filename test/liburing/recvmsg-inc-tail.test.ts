/**
 * The port of liburing's test/recvmsg-inc-tail.c: verify recvmsg multishot with IOU_PBUF_RING_INC does not
 * return spurious -EFAULT (BADADDR) when the tail of a partially-consumed buffer is smaller than the msghdr
 * header the kernel needs to place (sizeof(io_uring_recvmsg_out) + namelen + controllen).
 *
 * The kernel must retire the too-small tail and advance to the next ring entry rather than refusing the
 * recv. Also validates the in-buffer layout of each CQE via the io_uring_recvmsg_* helpers, so a bug that
 * returns a valid bid but mis-positions the payload is caught.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_INC,
  type io_uring,
  io_uring_buf_reg,
  io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_init,
  io_uring_buf_ring_mask,
  io_uring_cqe_seen,
  io_uring_prep_recvmsg_multishot,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_recvmsg_out,
  io_uring_recvmsg_payload,
  io_uring_recvmsg_payload_length,
  io_uring_recvmsg_validate,
  io_uring_register_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
  memory,
  msghdr,
  sockaddr_in,
} from '../../src/c.js';
import { EINVAL, EOPNOTSUPP } from '../../src/linux.js';
import { bytesAt, t_aligned_alloc } from './support/buffers.js';
import { close, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair, t_create_socket_pair } from './support/sockets.js';

const BGID = 1;
const NR_BUFS = 4;
const BUF_SIZE = 1024;
const QD = 8;

/*
 * hdr reserved per CQE by recvmsg multishot:
 *   sizeof(io_uring_recvmsg_out) + namelen + controllen
 *   = 16 + sizeof(struct sockaddr_in) + 0 = 32
 *
 * LARGE_SZ=480: two CQEs of (32+480)=512 consume bid=0 exactly. The
 *   kernel advances to bid=1 via the normal head++ path, no retire
 *   needed.
 *
 * SMALL_SZ=305: three CQEs of (32+305)=337 in a 1024-byte buffer total
 *   1011, leaving a 13-byte tail. 13 < 32, so the 4th send into that
 *   buffer must retire the tail and advance to the next ring entry.
 */
const LARGE_SZ = 480;
const NR_LARGE = 2;
const SMALL_SZ = 305;
const NR_SMALL = 7;
const NR_SENDS = NR_LARGE + NR_SMALL;

const expected_bids = [0, 0, 1, 1, 1, 2, 2, 2, 3];

function setup_buf_ring(ring: io_uring): Uint8Array {
  const mem = t_aligned_alloc(4096, NR_BUFS * BUF_SIZE);
  const br = memory.struct(io_uring_buf_ring, t_aligned_alloc(4096, 4096));
  const reg = alloc(io_uring_buf_reg);

  io_uring_buf_ring_init(br);

  reg.ring_addr = br.address;
  reg.ring_entries = NR_BUFS;
  reg.bgid = BGID;
  reg.min_left = 32;
  const ret = io_uring_register_buf_ring(ring, reg, IOU_PBUF_RING_INC);
  if (ret === -EINVAL) {
    io_uring_queue_exit(ring);
    skip('no incremental buffer rings with min_left');
  }
  expect(ret).toBe(0);

  for (let i = 0; i < NR_BUFS; i++) {
    const buf = mem.subarray(i * BUF_SIZE);
    io_uring_buf_ring_add(br, buf, BUF_SIZE, i, io_uring_buf_ring_mask(NR_BUFS), i);
  }
  io_uring_buf_ring_advance(br, NR_BUFS);
  return mem;
}

it('test', () => {
  const ring = newRing();
  const cqe = newCqe();
  const msg = alloc(msghdr);
  const name = alloc(sockaddr_in);
  const fds = fdPair();
  const expected_payload = NR_LARGE * LARGE_SZ + NR_SMALL * SMALL_SZ;
  const stream = allocArray(expected_payload).map((_, i) => i & 0xff);
  const bid_offset = new Array<number>(NR_BUFS).fill(0);
  let stream_cursor = 0;
  let sent_offset = 0;
  const seen_bids = new Set<number>();

  expect(io_uring_queue_init(QD, ring, 0)).toBe(0);
  const buf_mem = setup_buf_ring(ring);

  expect(t_create_socket_pair(fds, true)).toBe(0);

  msg.msg_name = name;
  msg.msg_namelen = sockaddr_in.size;

  const sqe = get_sqe(ring);
  io_uring_prep_recvmsg_multishot(sqe, fds[0], msg, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = BGID;
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < NR_SENDS; i++) {
    const hdr = io_uring_recvmsg_out.size + sockaddr_in.size;
    const send_sz = i < NR_LARGE ? LARGE_SZ : SMALL_SZ;

    expect(write(fds[1], stream.subarray(sent_offset), send_sz)).toBe(send_sz);
    sent_offset += send_sz;

    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res, flags } = cqe.value;
    if (res === -EINVAL || res === -EOPNOTSUPP) skip('no multishot recvmsg');
    expect(res).toBeGreaterThanOrEqual(hdr);
    expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);

    const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
    expect(bid).toBe(expected_bids[i]);
    seen_bids.add(bid);

    const offset = bid * BUF_SIZE + (bid_offset[bid] as number);
    const cqe_buf = buf_mem.subarray(offset, offset + res);

    const o = io_uring_recvmsg_validate(cqe_buf, res, msg);
    if (!o) throw new Error(`send ${i}: recvmsg_validate returned NULL`);
    expect(o.controllen).toBe(0);

    const plen = io_uring_recvmsg_payload_length(o, res, msg);
    const pdata = io_uring_recvmsg_payload(o, msg);
    expect(plen).toBe(res - hdr);
    const wanted = stream.subarray(stream_cursor, stream_cursor + plen);
    expect(Buffer.compare(bytesAt(pdata, plen), wanted)).toBe(0);

    stream_cursor += plen;
    bid_offset[bid] = (bid_offset[bid] as number) + res;
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(stream_cursor).toBe(expected_payload);

  /*
   * Four bids expected: 0 (natural advance), 1 (first retire
   * target), 2 (second retire target), 3 (third retire target).
   * Anything else means the retire path didn't behave as planned.
   */
  expect(seen_bids.size).toBe(4);

  close(fds[0]);
  close(fds[1]);
  io_uring_queue_exit(ring);
});
