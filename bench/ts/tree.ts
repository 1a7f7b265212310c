/** The paths of 10,000 files of 1 KiB, in a hundred folders. */
export const FILE_SIZE = 1024;

const twoDigits = (number: number): string => String(number).padStart(2, '0');

export function treePaths(root: string): string[] {
  return Array.from({ length: 10000 }, (_, i) => `${root}/${twoDigits(Math.floor(i / 100))}/${twoDigits(i % 100)}`);
}

/** Each element in turn, for ever, with its number. */
export class Cycle<T> {
  number = -1;
  private readonly all: readonly T[];

  constructor(all: readonly T[]) {
    this.all = all;
  }

  next(): T {
    this.number = (this.number + 1) % this.all.length;
    return this.all[this.number] as T;
  }
}
