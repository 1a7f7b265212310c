/**
 * What the generated operations call. A ring hands out its own SQEs and starts requests; a chain
 * hands out SQEs that are submitted later, all at once.
 */
import type { Functions } from '../generated/functions.js';
import type { io_uring_sqe } from '../generated/structs.js';
import type { Held } from './held.js';
import type { RequestOptions } from './request.js';
import type { Ring } from './ring.js';

/** liburing's functions. */
export const C: unique symbol = Symbol('liburing');
/** The ring that the request is for. */
export const RING: unique symbol = Symbol('ring');
/** An SQE to prepare; of 128 bytes if asked. */
export const GET_SQE: unique symbol = Symbol('getSqe');
/** Takes an SQE back that could not be prepared; returns the error. */
export const UNGET_SQE: unique symbol = Symbol('ungetSqe');
/** Makes a request of a prepared SQE. */
export const REQUEST: unique symbol = Symbol('request');
/** How util.inspect shows an object. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** What the generated operations call. */
export interface Hooks {
  readonly [C]: Functions;
  readonly [RING]: Ring;
  [GET_SQE](big?: boolean): io_uring_sqe;
  [UNGET_SQE](error: unknown, held?: Held, big?: io_uring_sqe): unknown;
  [REQUEST](
    sqe: io_uring_sqe,
    name: string,
    options?: RequestOptions,
    held?: Held,
    convert?: (res: number) => unknown,
  ): unknown;
}
