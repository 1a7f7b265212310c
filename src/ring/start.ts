/** Starts a request whose completions go to a sink. */
import { IOSQE_FIXED_FILE } from '../generated/constants.js';
import type { io_uring_sqe } from '../generated/structs.js';
import type { FileDescriptor } from './files.js';
import type { Held } from './held.js';
import { C, GET_SQE, UNGET_SQE } from './hooks.js';
import { applyOptions, type Request, type RequestOptions, type Sink } from './request.js';
import type { Ring } from './ring.js';

/** What the request is. @internal */
export interface Start {
  readonly name: string;
  /** Calls the prep function; where it throws, the SQE is taken back. */
  prepare(sqe: io_uring_sqe): void;
  /** The file it is about, which may be a direct descriptor. */
  readonly file?: FileDescriptor;
  /** Flags of the SQE besides. */
  readonly flags?: number;
  readonly options?: RequestOptions | undefined;
  readonly held?: Held;
}

/** @internal */
export function start(ring: Ring, { name, prepare, file = -1, flags = 0, options, held }: Start, sink: Sink): Request {
  const sqe = ring[GET_SQE]();
  try {
    prepare(sqe);
    if (options) applyOptions(ring[C], sqe, options);
  } catch (error) {
    throw ring[UNGET_SQE](error, held);
  }
  sqe.flags |= flags | (typeof file === 'number' ? 0 : IOSQE_FIXED_FILE);
  return ring.startRequest(sqe, name, options, { sink, held }, undefined);
}
