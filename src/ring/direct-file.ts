/** Direct descriptors: open files of a ring, reached by their slot in its table instead of by an fd. */
import { invalidType, invalidValue } from '../checks/errors.js';
import { IORING_FILE_INDEX_ALLOC } from '../constants/generated/uring.js';
import type { Engine } from './engine/engine.js';

let ownerOf: (file: DirectFile) => Engine;

/**
 * A direct descriptor: a slot in a ring's table of registered files, with a file or without. It is no fd, and no other
 * ring knows it. Get one from {@link FileTable.at}, or from an operation such as `ring.openat_direct()`.
 *
 * @see io_uring_register_files(3)
 */
export class DirectFile {
  readonly #owner: Engine;
  /** Its slot in the table, from 0. */
  readonly index: number;

  static {
    ownerOf = (file) => file.#owner;
  }

  /** @internal */
  constructor(owner: Engine, index: number) {
    this.#owner = owner;
    this.index = index;
  }
}

/** A file for an operation: an ordinary fd, or a direct descriptor of the ring. */
export type FileDescriptor = number | DirectFile;

/** The slot of a direct descriptor, which must be of this ring. */
export function directIndex(file: DirectFile, engine: Engine, name: string): number {
  if (!(file instanceof DirectFile)) throw invalidType(name, 'a DirectFile', file);
  if (ownerOf(file) !== engine) throw invalidValue(name, 'a direct descriptor of the same ring', file);
  return file.index;
}

/** The fd, or the slot of the direct descriptor. */
export function fileIndex(file: FileDescriptor, engine: Engine, name: string): number {
  if (typeof file === 'number') return file;
  if (!(file instanceof DirectFile)) throw invalidType(name, 'a file descriptor or a DirectFile', file);
  return directIndex(file, engine, name);
}

/** Where to put a new file: in this slot, or in any that is free. */
export const slotIndex = (slot: DirectFile | undefined, engine: Engine): number =>
  slot === undefined ? IORING_FILE_INDEX_ALLOC : directIndex(slot, engine, 'file_index');

/** The file that was opened: a `res` is 0 for a slot that was named, or the slot that the kernel chose. */
export const directResult =
  (engine: Engine, slot: DirectFile | undefined) =>
  (res: number): DirectFile =>
    slot ?? new DirectFile(engine, res);
