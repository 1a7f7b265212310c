/** After each test of a file that imports this: its threads have ended; no descriptor, process or file is left. */
import { closeSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, type TestContext } from 'vitest';

const endings: (() => unknown)[] = [];

/** Runs a function when the test is over, the last one first, for what C leaves to exit(2). */
export function atEnd(ending: () => unknown): void {
  endings.push(ending);
}

/** Closes a descriptor when the test is over, where C leaves it open. */
export function closing(fd: number): number {
  atEnd(() => closeSync(fd));
  return fd;
}

/** Removes a file when the test is over, where C leaves it behind. */
export function removing(path: string): string {
  atEnd(() => rmSync(path, { force: true, recursive: true }));
  return path;
}

function descriptors(): Map<string, string> {
  const found = new Map<string, string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      found.set(fd, readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // the folder's own
    }
  }
  return found;
}

/** The children of the process, those among them that nobody has waited for. */
const children = (): string[] =>
  readdirSync('/proc/self/task').flatMap((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/children`, 'latin1').split(' ').filter(Boolean);
    } catch {
      // a thread that has ended by now
      return [];
    }
  });

/** Where C's tests put their files. */
const files = (): string[] => readdirSync('.');

let before: Map<string, string>;
let childrenBefore: string[];
let filesBefore: string[];

beforeEach(() => {
  before = descriptors();
  childrenBefore = children();
  filesBefore = files();
});

afterEach(async (context: TestContext) => {
  for (let ending = endings.pop(); ending; ending = endings.pop()) {
    try {
      await ending();
    } catch (error) {
      // a test that failed, or was skipped, has not come as far as it wanted
      if (context.task.result?.state === 'pass' || !context.task.result?.state) throw error;
    }
  }
  const left = [...descriptors()].filter(([fd, what]) => before.get(fd) !== what);
  // Node's own, which come with the first worker
  const ours = left.filter(([, what]) => !/anon_inode:\[(eventpoll|io_uring:libuv)\]/.test(what) || threads === 0);
  if (context.task.result?.state === 'fail') {
    for (const [fd] of ours) closeQuietly(Number(fd));
    return;
  }
  expect(ours, 'descriptors that the test left').toEqual([]);
  expect(added(childrenBefore, children()), 'processes that the test left').toEqual([]);
  expect(added(filesBefore, files()), 'files that the test left').toEqual([]);
});

const added = (old: readonly string[], now: readonly string[]): string[] => now.filter((name) => !old.includes(name));

let threads = 0;

/** Counts a thread: Node keeps descriptors for them. @internal */
export const countThread = (): number => ++threads;

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // closed with another one
  }
}
