#!/usr/bin/env node
/** The command line tool: finds the command, and exits with the code that scripts expect. */
import { readFileSync } from 'node:fs';
import { nearest } from '../checks/nearest.js';
import { IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR } from '../constants/generated/uring.js';
import { type Command, exit, print, say, sentenceFor, UsageError } from './command.js';
import * as decode from './decode.js';
import * as diff from './diff.js';
import * as encode from './encode.js';
import * as probe from './probe.js';
import * as run from './run.js';
import * as vectors from './vectors.js';

const commands = new Map<string, Command>(Object.entries({ probe, encode, decode, diff, vectors, run }));

const list = [...commands].map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`).join('\n');

const help = `usage: liburing-wasm COMMAND …

${list}

  --help     this text, or after a command, the command's
  --version  of this package and of liburing

Exit codes: 0 for success, 1 for what differs or is not supported, 2 for wrong usage.`;

function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return `liburing-wasm ${own} (liburing ${IO_URING_VERSION_MAJOR}.${IO_URING_VERSION_MINOR})`;
}

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined) {
    say(help);
    return exit.usage;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    print(commands.get(args[0] ?? '')?.help ?? help);
    return exit.ok;
  }
  if (name === '--version') {
    print(version());
    return exit.ok;
  }
  const command = commands.get(name);
  if (!command) {
    const kind = name.startsWith('-') ? 'option' : 'command';
    const similar = nearest(name, kind === 'option' ? ['--help', '--version'] : commands.keys());
    throw new UsageError(`there is no ${kind} ${name}; do you mean ${similar}?`);
  }
  // arguments behind the program's name are the program's
  const own = command === run ? args.slice(0, 1) : args;
  if (own.includes('--help') || own.includes('-h')) {
    print(command.help);
    return exit.ok;
  }
  return command.run(args);
}

// the reader of stdout may close it: head does
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    process.exit(code === 'EPIPE' ? process.exitCode : 2);
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const sentence = sentenceFor(error);
  if (sentence === undefined) throw error;
  say(`liburing-wasm: ${sentence}`);
  process.exitCode = exit.usage;
}
