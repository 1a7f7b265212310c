/**
 * Runs a program: `node main.js [--fds LIST] [--argv0 NAME] PROGRAM ARGUMENTS...`. The process is Node's until the
 * program starts. From then on it is the program's, whose exit ends it.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { systemError } from '../checks/system-error.js';
import { loadRunHost, type RunHost } from './host.js';
import { type Image, MEMORY_PAGES, readImage } from './image.js';
import { instantiate, run, startSpawner } from './instance.js';
import { nodeFlags, runnerCommand } from './runner.js';
import { stackImage } from './stack.js';

const STACK_SIZE = 8 << 20;

function die(message: string): never {
  process.stderr.write(`liburing-wasm run: ${message}\n`);
  process.exit(127);
}

function check(result: number, syscall: string, advice: string): number {
  if (result < 0) throw systemError(result, syscall, advice);
  return result;
}

function load(path: string): Image {
  try {
    return readImage(readFileSync(path));
  } catch (error) {
    die(`${path}: ${(error as Error).message}`);
  }
}

function start(host: RunHost, path: string, argv: readonly string[], fds: string, runner: readonly string[]): void {
  const image = load(path);
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  check(host.open(realpathSync(path), runner, fds, bytes), 'mmap', 'Addresses below 4 GiB are in use.');
  check(host.mapImage(image.end), 'mmap', 'There is no memory for the data of the program.');
  for (const { address, bytes: data } of image.segments) bytes.set(data, address);
  const stack = check(host.map(STACK_SIZE), 'mmap', 'There is no memory for the stack.');
  const { bytes: top, pointer } = stackImage(stack + STACK_SIZE, path, argv, environment);
  bytes.set(top, pointer);
  const program = { module: image.module, memory };
  const exports = instantiate(program, host, pointer);
  if (exports.__start_thread) {
    startSpawner(program);
    host.prepareThreads();
  }
  run(host, () => exports._start(BigInt(pointer)));
}

const host = loadRunHost();
const rest = process.argv.slice(2);
if (!host.hasFixedAddresses() || nodeFlags.some((flag) => !process.execArgv.includes(flag))) {
  check(host.exec([...runnerCommand, ...rest]), 'execve', 'Node cannot be started again.');
}
const option = (name: string): string | undefined => (rest[0] === name ? rest.splice(0, 2)[1] : undefined);
const fds = option('--fds') ?? '0,1,2';
const argv0 = option('--argv0');
const [path, ...args] = rest;
if (path === undefined) die('which program?');
start(host, path, [argv0 ?? path, ...args], fds, runnerCommand);
