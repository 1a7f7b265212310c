/** Registered files: the table of a ring that direct descriptors are slots of. */
import { invalidType, outOfRange } from '../checks/errors.js';
import { check } from '../host/check.js';
import { DirectFile } from './direct-file.js';
import type { Engine } from './engine/engine.js';

/**
 * A ring's table of registered files. Get it from {@link Ring.registerFiles}.
 *
 * ```ts
 * const files = ring.registerFiles(8);
 * await ring.openat_direct(AT_FDCWD, 'README.md', O_RDONLY, 0, files.at(0));
 * await ring.read(files.at(0), buf);
 * ```
 */
export class FileTable {
  readonly #engine: Engine;
  readonly #files: readonly DirectFile[];
  #registered = true;

  /** @internal */
  constructor(engine: Engine, length: number) {
    this.#engine = engine;
    this.#files = Array.from({ length }, (_, index) => new DirectFile(engine, index));
  }

  /** How many slots it has. */
  get length(): number {
    return this.#files.length;
  }

  /** A slot of the table, from 0. @throws a RangeError beyond the last. */
  at(index: number): DirectFile {
    const file = this.#files[index];
    if (file === undefined) throw outOfRange(`index is ${index}, and the table has ${this.length} slots`);
    return file;
  }

  /**
   * Puts the files of ordinary fds into slots of the table, or empties slots with -1. The fds may be
   * closed afterwards.
   *
   * @param offset - The first slot.
   * @returns how many slots were changed.
   * @throws a {@link SystemError}, such as EBADF for an fd that is not open.
   * @see io_uring_register_files_update(3)
   */
  update(offset: number, fds: readonly number[]): number {
    this.at(offset);
    const { functions, memory, ring } = this.#engine;
    const array = memory.allocArray(fds.length, Int32Array);
    try {
      array.set(fds);
      const changed = functions.io_uring_register_files_update(ring.struct, offset, array, fds.length);
      return check(changed, 'io_uring_register_files_update');
    } finally {
      memory.free(array);
    }
  }

  /**
   * Restricts operations that choose a slot themselves to `length` slots from `offset` on.
   *
   * @see io_uring_register_file_alloc_range(3)
   */
  allocRange(offset: number, length: number): void {
    const { functions, ring } = this.#engine;
    check(
      functions.io_uring_register_file_alloc_range(ring.struct, offset, length),
      'io_uring_register_file_alloc_range',
    );
  }

  /** Removes the table. Its files are closed when no request uses them any more. */
  unregister(): void {
    if (!this.#registered) return;
    const { functions, ring } = this.#engine;
    check(functions.io_uring_unregister_files(ring.struct), 'io_uring_unregister_files');
    this.#registered = false;
  }
}

/** Registers files with a ring: `files` empty slots, or the files of these fds. */
export function registerFiles(engine: Engine, files: number | readonly number[]): FileTable {
  const { functions, memory, ring } = engine;
  if (typeof files === 'number') {
    check(functions.io_uring_register_files_sparse(ring.struct, files), 'io_uring_register_files_sparse');
    return new FileTable(engine, files);
  }
  if (!Array.isArray(files) || files.length === 0)
    throw invalidType('files', 'a number of slots, or a list of fds', files);
  const fds = memory.allocArray(files.length, Int32Array);
  try {
    fds.set(files);
    check(functions.io_uring_register_files(ring.struct, fds, fds.length), 'io_uring_register_files');
  } finally {
    memory.free(fds);
  }
  return new FileTable(engine, files.length);
}
