/** Registered files: open files of a ring, reached by their place in its table instead of by an fd. */

import { check } from '../check.js';
import { argumentError, rangeError } from '../errors.js';
import { IORING_FILE_INDEX_ALLOC } from '../generated/constants.js';
import { C } from './hooks.js';
import type { Ring } from './ring.js';

/**
 * A direct descriptor: a place in a ring's table of registered files, with a file or without. It is
 * no fd, and no other ring knows it. Get one from {@link FileTable.at}, or from an operation such as
 * `ring.openat_direct()`.
 *
 * @see io_uring_register_files(3)
 */
export class DirectFile {
  private readonly ring: Ring;
  /** Its place in the table, from 0. */
  readonly index: number;

  /** @internal */
  constructor(ring: Ring, index: number) {
    this.ring = ring;
    this.index = index;
  }

  /** Its place, if the table is this ring's. @internal */
  indexIn(ring: Ring, name: string): number {
    if (ring === this.ring) return this.index;
    throw argumentError(name, 'a direct descriptor of the same ring', this);
  }
}

/** A file for an operation: an ordinary fd, or a direct descriptor of the ring. */
export type FileDescriptor = number | DirectFile;

/** @internal */
export function fileIndex(fd: FileDescriptor, ring: Ring, name: string): number {
  if (typeof fd === 'number') return fd;
  if (fd instanceof DirectFile) return fd.indexIn(ring, name);
  throw argumentError(name, 'a file descriptor or a DirectFile', fd);
}

/** @internal */
export function directIndex(file: DirectFile, ring: Ring, name: string): number {
  if (file instanceof DirectFile) return file.indexIn(ring, name);
  throw argumentError(name, 'a DirectFile', file);
}

/** Where to put a new file: in a place of the table, or in any that is free. @internal */
export const slotIndex = (slot: DirectFile | undefined, ring: Ring): number =>
  slot === undefined ? IORING_FILE_INDEX_ALLOC : directIndex(slot, ring, 'file_index');

/** The kernel's answer: 0 for a place that was named, or the place that it chose. @internal */
export const directResult =
  (ring: Ring, slot: DirectFile | undefined) =>
  (res: number): DirectFile =>
    slot ?? new DirectFile(ring, res);

/** A ring's table of registered files. */
export class FileTable {
  private readonly ring: Ring;
  private readonly files: readonly DirectFile[];
  private registered = true;

  private constructor(ring: Ring, length: number) {
    this.ring = ring;
    this.files = Array.from({ length }, (_, index) => new DirectFile(ring, index));
  }

  /** @internal */
  static register(ring: Ring, files: number | readonly number[]): FileTable {
    const { memory } = ring;
    if (typeof files === 'number') {
      check(ring[C].io_uring_register_files_sparse(ring.struct, files), 'io_uring_register_files_sparse');
      return new FileTable(ring, files);
    }
    if (!Array.isArray(files) || files.length === 0)
      throw argumentError('files', 'a number of places, or a list of fds', files);
    const fds = memory.allocArray(files.length, Int32Array);
    try {
      fds.set(files);
      check(ring[C].io_uring_register_files(ring.struct, fds, fds.length), 'io_uring_register_files');
    } finally {
      memory.free(fds);
    }
    return new FileTable(ring, files.length);
  }

  /** How many places it has. */
  get length(): number {
    return this.files.length;
  }

  /** A place of the table, from 0. */
  at(index: number): DirectFile {
    const file = this.files[index];
    if (file === undefined) throw rangeError(`index is ${index}, and the table has ${this.length} places`);
    return file;
  }

  /**
   * Puts ordinary fds' files into places of the table, or empties places with -1. The fds may be
   * closed afterwards.
   *
   * @param offset - The first place.
   * @returns how many were changed.
   * @see io_uring_register_files_update(3)
   */
  update(offset: number, fds: readonly number[]): number {
    this.at(offset);
    const { memory, struct } = this.ring;
    const array = memory.allocArray(fds.length, Int32Array);
    try {
      array.set(fds);
      const changed = this.ring[C].io_uring_register_files_update(struct, offset, array, fds.length);
      return check(changed, 'io_uring_register_files_update');
    } finally {
      memory.free(array);
    }
  }

  /**
   * Has operations that choose a place themselves choose one of these only.
   *
   * @see io_uring_register_file_alloc_range(3)
   */
  allocRange(offset: number, length: number): void {
    check(
      this.ring[C].io_uring_register_file_alloc_range(this.ring.struct, offset, length),
      'io_uring_register_file_alloc_range',
    );
  }

  /** Takes the table away; its files are closed when no request uses them any more. */
  unregister(): void {
    if (!this.registered) return;
    check(this.ring[C].io_uring_unregister_files(this.ring.struct), 'io_uring_unregister_files');
    this.registered = false;
  }
}
