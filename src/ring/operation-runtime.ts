/** All that the generated operations use: `generated/operations.ts` imports nothing else by hand. */
export type { StructArray } from '../memory/struct.js';
export type { ChainEnd } from './chain-results.js';
export {
  type Bytes,
  countOf,
  type Duration,
  type EpollEvent,
  type Message,
  type OpenHow,
  type Path,
  type Plain,
  sizeOf,
  type Vector,
} from './conversions.js';
export {
  type DirectFile,
  directIndex,
  directResult,
  type FileDescriptor,
  fileIndex,
  slotIndex,
} from './direct-file.js';
export { messageData, type RingTarget, targetFd } from './messages.js';
export { isTimeUp, nothing } from './outcome.js';
export { bufferIndex, type RegisteredBuffer } from './registered-buffers.js';
export { pollUpdateFlags, type RequestReference, userDataOf } from './request-handle.js';
export type { MemberOptions, RequestOptions } from './request-options.js';
export type { OperationTarget } from './requester.js';
export { Scratch } from './scratch.js';
export type { SocketAddress } from './socket-address.js';
