/** A single read or receive into a provided buffer. */
import { systemError } from '../errors.js';
import { IOSQE_BUFFER_SELECT } from '../generated/constants.js';
import { ECANCELED } from '../generated/linux.js';
import type { io_uring_sqe } from '../generated/structs.js';
import type { BufferRing, ReceivedBuffer } from './buffer-ring.js';
import type { FileDescriptor } from './files.js';
import { C } from './hooks.js';
import type { Request, RequestOptions, Sink } from './request.js';
import type { Ring } from './ring.js';
import { start } from './start.js';

/** An operation that takes its buffer from a ring of buffers. @internal */
export interface Receiving {
  readonly name: string;
  readonly file: FileDescriptor;
  readonly buffers: BufferRing;
  /** Calls the prep function. */
  prepare(sqe: io_uring_sqe): void;
}

/** Starts it. @internal */
export function startReceiving(
  ring: Ring,
  { name, file, buffers, prepare }: Receiving,
  options: RequestOptions | undefined,
  sink: Sink,
): Request {
  const prepareWithGroup = (sqe: io_uring_sqe): void => {
    prepare(sqe);
    ring[C].io_uring_sqe_set_buf_group(sqe, buffers.groupIn(ring));
  };
  return start(ring, { name, file, flags: IOSQE_BUFFER_SELECT, prepare: prepareWithGroup, options }, sink);
}

/** Starts it, and resolves to the buffer. @internal */
export async function receive(
  ring: Ring,
  receiving: Receiving,
  options: RequestOptions | undefined,
): Promise<ReceivedBuffer> {
  options?.signal?.throwIfAborted();
  const { name, buffers } = receiving;
  return new Promise((resolve, reject) => {
    const completed = (res: number, flags: number): void => {
      if (options?.handle) options.handle.result = res;
      if (res >= 0) {
        resolve(buffers.received(res, flags));
        return;
      }
      buffers.unused(flags);
      reject(res === -ECANCELED && options?.signal?.aborted ? options.signal.reason : systemError(res, name));
    };
    startReceiving(ring, receiving, options, { completed });
  });
}
