/** The port of liburing's test/recv-multishot.c: multishot receives, to their end and to an early one. */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocPointers,
  allocString,
  cmsghdr,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  type io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_events,
  io_uring_peek_batch_cqe,
  io_uring_peek_cqe,
  io_uring_prep_cancel64,
  io_uring_prep_provide_buffers,
  io_uring_prep_recv_multishot,
  io_uring_prep_recvmsg_multishot,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_recvmsg_cmsg_firsthdr,
  io_uring_recvmsg_cmsg_nexthdr,
  io_uring_recvmsg_name,
  io_uring_recvmsg_out,
  io_uring_recvmsg_payload,
  io_uring_recvmsg_payload_length,
  io_uring_recvmsg_validate,
  io_uring_sqe_set_buf_group,
  io_uring_sqe_set_data64,
  io_uring_submit,
  io_uring_submit_and_wait_timeout,
  io_uring_wait_cqes,
  memory,
  msghdr,
  sockaddr_in,
  sockaddr_storage,
} from '../../src/c.js';
import {
  AF_INET,
  EBADF,
  ECANCELED,
  EINVAL,
  ENOBUFS,
  ETIME,
  INADDR_LOOPBACK,
  IPPROTO_IP,
  MSG_TRUNC,
  SHUT_RDWR,
} from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { bytesAt } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { close, write } from './support/files.js';
import {
  type Completion,
  get_sqe,
  newCqe,
  newParams,
  newRing,
  openRing,
  t_probe_defer_taskrun,
} from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair, htonl, send, setsockopt, shutdown, t_create_socket_pair } from './support/sockets.js';
import { number } from './support/syscall.js';
import { timespec, usleep } from './support/time.js';

const early_errors = [
  'ERROR_NONE',
  'ERROR_NOT_ENOUGH_BUFFERS',
  'ERROR_EARLY_CLOSE_SENDER',
  'ERROR_EARLY_CLOSE_RECEIVER',
  'ERROR_EARLY_OVERFLOW',
] as const;

interface Args {
  stream: boolean;
  wait_each: boolean;
  recvmsg: boolean;
  defer: boolean;
  early_error: (typeof early_errors)[number];
}

const N = 8;
const N_BUFFS = N * 64;
const N_CQE_OVERFLOW = 4;
const NAME_LEN = sockaddr_storage.size;
const CONTROL_LEN = sockaddr_storage.size + cmsghdr.size; // CMSG_ALIGN changes nothing
const sizeof_int = 4;

function check_sockaddr(address: number): void {
  const addr = memory.struct(sockaddr_in, bytesAt(address, sockaddr_in.size));
  expect(addr.sin_family).toBe(AF_INET);
  expect(addr.sin_addr.s_addr).toBe(htonl(INADDR_LOOPBACK));
}

function check_cmsg(o: io_uring_recvmsg_out, msg: msghdr): void {
  expect(o.namelen).toBeGreaterThanOrEqual(sockaddr_in.size);
  check_sockaddr(io_uring_recvmsg_name(o));

  const cmsg = io_uring_recvmsg_cmsg_firsthdr(o, msg);
  if (!cmsg) throw new Error('bad cmsg');
  expect(cmsg).toMatchObject({ cmsg_level: IPPROTO_IP, cmsg_type: number('IP_RECVORIGDSTADDR') });
  check_sockaddr(cmsg.address + cmsghdr.size);
  expect(io_uring_recvmsg_cmsg_nexthdr(o, msg, cmsg), 'unexpected extra cmsg').toBe(null);
}

/** The ring, and the sockets: the first receives. */
function setup(args: Args): { ring: io_uring; fds: Int32Array & { 0: number; 1: number } } {
  const ring = newRing();
  const params = newParams();
  let n_sqe = 32;
  if (args.defer) params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (args.early_error === 'ERROR_EARLY_OVERFLOW') {
    params.flags |= IORING_SETUP_CQSIZE;
    params.cq_entries = N_CQE_OVERFLOW;
    n_sqe = N_CQE_OVERFLOW;
  }
  expect(patiently(() => io_uring_queue_init_params(n_sqe, ring, params))).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  const fds = fdPair();
  expect(t_create_socket_pair(fds, args.stream)).toBe(0);
  closing(fds[0]);
  /* force some cmsgs to come back to us */
  if (!args.stream) expect(setsockopt(fds[0], IPPROTO_IP, number('IP_RECVORIGDSTADDR'), 1)).toBe(0);
  return { ring, fds };
}

function provide_buffers(ring: io_uring, args: Args): Uint8Array[] {
  const timeout = timespec(30);
  const cqe = newCqe();
  return Array.from({ length: N_BUFFS }, (_, i) => {
    /* prepare some different sized buffers */
    let buffer_size = (i % 2 === 0 && (args.stream || args.recvmsg) ? 1 : N) * sizeof_int;
    if (args.recvmsg) buffer_size += io_uring_recvmsg_out.size + NAME_LEN + CONTROL_LEN;

    const buffer = allocArray(buffer_size).fill(0xcc);
    if (i > 2 && args.early_error === 'ERROR_NOT_ENOUGH_BUFFERS') return buffer;

    const sqe = get_sqe(ring);
    io_uring_prep_provide_buffers(sqe, buffer, buffer_size, 1, 7, i);
    io_uring_sqe_set_data64(sqe, 0x999);
    expect(io_uring_submit_and_wait_timeout(ring, cqe, 1, timeout, null)).toBe(1);
    expect(cqe.value.res).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
    return buffer;
  });
}

function test(args: Args): void {
  const { stream, wait_each, recvmsg, early_error: error } = args;
  const min_cqes = error === 'ERROR_NONE' ? 8 : 2;
  const { ring, fds } = setup(args);
  const cqe = newCqe();
  const timeout = timespec(1);
  const send_buff = allocArray(256, Int32Array).map((_, i) => i);
  const recv_buffs = provide_buffers(ring, args);
  const msg = alloc(msghdr);

  let sqe = get_sqe(ring);
  if (recvmsg) {
    msg.msg_namelen = NAME_LEN;
    msg.msg_controllen = CONTROL_LEN;
    io_uring_prep_recvmsg_multishot(sqe, fds[0], msg, stream ? 0 : MSG_TRUNC);
  } else {
    io_uring_prep_recv_multishot(sqe, fds[0], null, 0, 0);
  }
  sqe.flags |= IOSQE_BUFFER_SELECT;
  io_uring_sqe_set_buf_group(sqe, 7);
  io_uring_sqe_set_data64(sqe, 1234);
  expect(io_uring_submit(ring)).toBe(1);

  const recv_cqe: Completion[] = [];
  let early_error = false;
  const reap = (): void => {
    while (io_uring_peek_cqe(ring, cqe) === 0) {
      const { res, flags, user_data } = cqe.value;
      recv_cqe.push({ res, flags, user_data });
      if (!(flags & IORING_CQE_F_MORE)) early_error = true;
      io_uring_cqe_seen(ring, cqe.value);
    }
  };

  /** Where in send_buff each message is. */
  const sent_buffs: number[] = [];
  let at = 0;
  let total_sent_bytes = 0;
  let closed = false;
  let early_error_started = false;
  for (let i = 0; i < N; i++) {
    const to_send = sizeof_int * (i + 1);
    total_sent_bytes += to_send;
    sent_buffs[i] = at;
    const ret: number = closed ? -EBADF : send(fds[1], send_buff.subarray(at), to_send, 0);
    if (ret !== to_send) {
      if (early_error_started) break;
      expect.fail(`send failed ${ret}`);
    }

    if (i === 2) {
      if (error === 'ERROR_EARLY_CLOSE_RECEIVER') {
        /* allow previous sends to complete */
        usleep(1000);
        io_uring_get_events(ring);

        sqe = get_sqe(ring);
        io_uring_prep_cancel64(sqe, 1234, 0);
        io_uring_sqe_set_data64(sqe, 0x888);
        sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
        expect(io_uring_submit(ring)).toBe(1);
        early_error_started = true;

        /* allow the cancel to complete */
        usleep(1000);
        io_uring_get_events(ring);
      }
      if (error === 'ERROR_EARLY_CLOSE_SENDER') {
        early_error_started = true;
        shutdown(fds[1], SHUT_RDWR);
        close(fds[1]);
        closed = true;
      }
    }
    at += i + 1;

    if (wait_each) {
      expect(io_uring_wait_cqes(ring, cqe, 1, timeout, null), 'wait_each').toBe(0);
      reap();
      if (early_error) break;
    }
  }

  if (!closed) close(fds[1]);

  /* allow sends to finish */
  usleep(1000);

  if ((stream && !early_error) || recv_cqe.length < min_cqes) {
    const to_wait = Math.max(min_cqes - recv_cqe.length, 1);
    expect([0, -ETIME]).toContain(io_uring_wait_cqes(ring, cqe, to_wait, timeout, null));
  }
  reap();

  if (recv_cqe.length < min_cqes && recv_cqe[0]?.res === -EINVAL) skip('no multishot receives');
  expect(recv_cqe.length).toBeGreaterThanOrEqual(min_cqes);
  const total = check(args, recv_cqe, { recv_buffs, sent_buffs, send_buff, msg });
  if (error === 'ERROR_NONE') expect(total).toBeGreaterThanOrEqual(total_sent_bytes);
}

interface Buffers {
  recv_buffs: Uint8Array[];
  sent_buffs: number[];
  send_buff: Int32Array;
  msg: msghdr;
}

/** Compares the received data with the sent data: how many bytes came, or were cut off. */
function check(args: Args, recv_cqe: Completion[], { recv_buffs, sent_buffs, send_buff, msg }: Buffers): number {
  const { stream, wait_each, recvmsg, early_error: error } = args;
  let at = 0;
  let total = 0;
  for (const [i, { res, flags }] of recv_cqe.entries()) {
    const more = (flags & IORING_CQE_F_MORE) !== 0;
    const has_buffer = (flags & IORING_CQE_F_BUFFER) !== 0;
    const buffer = recv_buffs[flags >>> 16] as Uint8Array;
    const is_last = i === recv_cqe.length - 1;
    /*
     * Older kernels could terminate multishot early due to overflow,
     * but later ones will not. So discriminate based on the MORE flag.
     */
    const early_last = error === 'ERROR_EARLY_OVERFLOW' && !wait_each && i >= N_CQE_OVERFLOW && !more;

    if (res <= 0 || (stream && is_last) || early_last) {
      let used_res = res;
      expect(is_last, `not last cqe had error ${i}`).toBe(true);

      if (error === 'ERROR_NOT_ENOUGH_BUFFERS') expect(res).toBe(-ENOBUFS);
      else if (error === 'ERROR_EARLY_OVERFLOW') expect(res).toBeGreaterThanOrEqual(0);
      else if (error === 'ERROR_EARLY_CLOSE_RECEIVER') expect(res).toBe(-ECANCELED);
      else if (recvmsg && has_buffer) {
        expect(io_uring_recvmsg_validate(buffer, res, msg)?.payloadlen).toBe(0);
        used_res = 0;
      } else expect(res).toBe(0);

      if (res <= 0) expect(has_buffer, 'final BUFFER flag set').toBe(false);
      expect(more, 'final MORE flag set').toBe(false);
      if (used_res <= 0) continue;
    } else {
      expect(more, 'MORE flag not set').toBe(true);
    }

    expect(has_buffer, 'BUFFER flag not set').toBe(true);

    let this_recv = buffer.byteOffset;
    let length = res;
    let orig_payload_size = res;
    if (recvmsg) {
      const o = io_uring_recvmsg_validate(buffer, res, msg);
      if (!o) throw new Error('bad recvmsg');
      orig_payload_size = o.payloadlen;
      if (!stream) check_cmsg(o, msg);

      this_recv = io_uring_recvmsg_payload(o, msg);
      length = io_uring_recvmsg_payload_length(o, res, msg);
      if (o.payloadlen !== length) {
        expect(o.flags & MSG_TRUNC, 'expected truncated flag').toBe(MSG_TRUNC);
        total += o.payloadlen - length;
      }
    }
    total += length;

    // doesn't seem to happen in practice, would need some work to remove this requirement
    expect(length % sizeof_int).toBe(0);

    /*
     * for tcp: check buffer arrived in order
     * for udp: based on size validate data based on size
     */
    if (!stream) {
      const sent = sent_buffs[orig_payload_size / sizeof_int - 1];
      if (sent === undefined) throw new Error(`Bad sent idx of ${orig_payload_size} bytes`);
      at = sent;
    }
    const words = length / sizeof_int;
    expect(
      Array.from({ length: words }, (_, word) => memory.view.getInt32(this_recv + word * sizeof_int, true)),
    ).toEqual([...send_buff.subarray(at, at + words)]);
    at += words;
  }
  return total;
}

it('test_recvmsg_validate', () => {
  const buf = allocArray(64);
  const msgh = alloc(msghdr);

  msgh.msg_namelen = 4;
  msgh.msg_controllen = 8;
  expect(io_uring_recvmsg_validate(buf, 64, msgh)).not.toBe(null);

  /* exact fit */
  expect(io_uring_recvmsg_validate(buf, 28, msgh)).not.toBe(null);

  /* one byte short */
  expect(io_uring_recvmsg_validate(buf, 27, msgh)).toBe(null);

  /* negative buf_len */
  expect(io_uring_recvmsg_validate(buf, -1, msgh)).toBe(null);

  /* buf smaller than header alone */
  msgh.msg_namelen = 0;
  msgh.msg_controllen = 0;
  expect(io_uring_recvmsg_validate(buf, 15, msgh)).toBe(null);

  /* controllen overflow must be rejected */
  msgh.msg_controllen = 0xffffffff - io_uring_recvmsg_out.size;
  msgh.msg_namelen = 4;
  expect(io_uring_recvmsg_validate(buf, 64, msgh)).toBe(null);

  const o = memory.struct(io_uring_recvmsg_out, buf.subarray(0, io_uring_recvmsg_out.size));
  msgh.msg_namelen = 4;
  msgh.msg_controllen = 8;
  expect(io_uring_recvmsg_payload_length(o, 64, msgh)).toBe(36);

  /* negative buf_len */
  expect(io_uring_recvmsg_payload_length(o, -1, msgh)).toBe(0);

  /* name+ctrl > buf_len must return 0, not wrap around */
  msgh.msg_namelen = 40;
  msgh.msg_controllen = 30;
  expect(io_uring_recvmsg_payload_length(o, 64, msgh)).toBe(0);
});

describe.each(
  Array.from({ length: 16 }, (_, loop) => ({
    stream: (loop & 1) !== 0,
    wait_each: (loop & 2) !== 0,
    recvmsg: (loop & 4) !== 0,
    defer: (loop & 8) !== 0,
  })),
)('stream=$stream wait_each=$wait_each recvmsg=$recvmsg defer=$defer', (args) => {
  it.each(early_errors)('test %s', (early_error) => {
    if (args.defer && !t_probe_defer_taskrun()) skipSilently('no IORING_SETUP_DEFER_TASKRUN');
    test({ ...args, early_error });
  });
});

it('test_enobuf', () => {
  const ring = openRing(8);
  const fds = fdPair();
  expect(t_create_socket_pair(fds, false)).toBe(0);
  for (const fd of fds) closing(fd);
  const buffs = allocArray(256);

  let sqe = get_sqe(ring);
  /* deliberately only 2 provided buffers */
  io_uring_prep_provide_buffers(sqe, buffs, 1, 2, 0, 0);
  io_uring_sqe_set_data64(sqe, 0);

  sqe = get_sqe(ring);
  io_uring_prep_recv_multishot(sqe, fds[0], null, 0, 0);
  io_uring_sqe_set_data64(sqe, 1);
  io_uring_sqe_set_buf_group(sqe, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;

  expect(io_uring_submit(ring)).toBe(2);
  const question = allocString('?');
  for (let i = 0; i < 3; i++) expect(write(fds[1], question, 1)).toBe(1);

  const cqes = allocPointers(io_uring_cqe, 4);
  expect(io_uring_wait_cqes(ring, newCqe(), 4, null, null)).toBe(0);
  expect(io_uring_peek_batch_cqe(ring, cqes, 4)).toBe(4);

  const [provided, first, second, missing] = [0, 1, 2, 3].map((i) => cqes.at(i)) as [
    io_uring_cqe,
    io_uring_cqe,
    io_uring_cqe,
    io_uring_cqe,
  ];
  /* provide buffers */
  expect(provided).toMatchObject({ user_data: 0n, res: 0 });

  /* valid recv */
  const both = IORING_CQE_F_BUFFER | IORING_CQE_F_MORE;
  for (const cqe of [first, second]) {
    expect(cqe).toMatchObject({ user_data: 1n, res: 1 });
    expect(cqe.flags & both).toBe(both);
  }

  /* missing buffer */
  expect(missing).toMatchObject({ user_data: 1n, res: -ENOBUFS });
  expect(missing.flags & both).toBe(0);
});
