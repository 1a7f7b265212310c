/// <reference lib="esnext.disposable" preserve="true" />
/**
 * io_uring as promises: a {@link Ring} and what belongs to it. liburing's C interface is `liburing-wasm/c`.
 *
 * ```ts
 * const ring = new Ring();
 * const fd = await ring.openat(AT_FDCWD, 'README.md', O_RDONLY);
 * ```
 *
 * @packageDocumentation
 */
export { SystemError, type SystemErrorDetails } from './checks/system-error.js';
export { hostError } from './host/default.js';
export { createInstance } from './host/second-instance.js';
export { type ZeroOperation, type ZeroOptions, zeroOperation } from './host/zero.js';
export type { Instance, InstanceOptions } from './liburing/instance.js';
export { ReceivedBuffer } from './ring/buffer-pool.js';
export { BufferRing, type BufferRingOptions } from './ring/buffer-ring.js';
export { type ChainEnd, ChainError, type Outcome } from './ring/chain-results.js';
export type { Bytes, Duration, EpollEvent, Message, OpenHow, Path, Plain, Vector } from './ring/conversions.js';
export { DirectFile, type FileDescriptor } from './ring/direct-file.js';
export { FileTable } from './ring/file-table.js';
export type { Chain, RingOperations } from './ring/generated/operations.js';
export { MESSAGE_BIT, type RingMessage, type RingTarget } from './ring/messages.js';
export { Multishot } from './ring/multishot.js';
export type { MultishotOptions, ReceiveOptions } from './ring/multishot-operations.js';
export type { RingOptions, SetupFlags } from './ring/options.js';
export type { MessageOptions, ReceivedMessage } from './ring/received-messages.js';
export { RegisteredBuffer } from './ring/registered-buffers.js';
export { RegisteredWait } from './ring/registered-waits.js';
export { RequestHandle, type RequestReference } from './ring/request-handle.js';
export type { MemberOptions, RequestOptions } from './ring/request-options.js';
export { Ring } from './ring/ring.js';
export { decodeSocketAddress, type SocketAddress } from './ring/socket-address.js';
export type { WaitOptions } from './ring/submit-and-wait.js';
