/** What is compared: for each case a C program, and the same loop elsewhere. */

/** One program with its arguments; its time is given as a multiple of the case's C program. */
export interface Side {
  name: string;
  language: 'c' | 'js';
  program: string;
  args: string[];
  /** Whether its multiple of the case's TypeScript side is of interest, too. */
  toTypeScript?: true;
  /** It is a server, to which this C program with these arguments is the client that measures. */
  client?: { program: string; args: string[] };
}

export interface Case {
  /** What `--what` selects. */
  what: string;
  title: string;
  /** What the others are compared with. */
  reference: Side;
  /** The first is the TypeScript side. */
  others: [Side, ...Side[]];
}

const c = (name: string, program: string, ...args: string[]): Side => ({ name, language: 'c', program, args });
const js = (name: string, program: string, ...args: string[]): Side => ({ name, language: 'js', program, args });
const node = (name: string, ...args: string[]): Side => ({ ...js(name, 'fs', ...args), toTypeScript: true });

function nop(batch: string, how: string, loop: string): Case {
  return {
    what: 'nop',
    title: `NOP, batches of ${batch}, ${loop}`,
    reference: c('C', 'nop', how, batch),
    others: [js('TypeScript', 'nop', how, batch), js('await ring.nop', 'nop-await', batch)],
  };
}

function read(file: string, depth: string): Case {
  return {
    what: 'read',
    title: `4 KiB random reads of a cached file, depth ${depth}`,
    reference: c('C', 'read', file, depth),
    others: [
      js('TypeScript', 'read', file, depth),
      js('await ring.read', 'await', file, depth),
      // it has no depth, but is what one would use instead at any
      node('fs.readSync', file, '1', 'sync'),
      node('fs.read', file, depth, 'callback'),
      node('FileHandle.read', file, depth, 'promise'),
    ],
  };
}

function copy(file: string): Case {
  const ways = ['copyFile', 'streams'].map((way) => ({
    ...js(`fs, ${way}`, 'copy', file, `${file}.${way}`, way),
    toTypeScript: true as const,
  }));
  return {
    what: 'copy',
    title: 'a MiB of a cached file copied, 64 blocks of 32 KiB at once',
    reference: c('C, io_uring-cp', 'copy', file, `${file}.c`),
    others: [js('await, Ring', 'copy', file, `${file}.ring`, 'ring'), ...ways],
  };
}

function echo(connections: string, bytes: string): Case {
  const served = (side: Side): Side => ({ ...side, client: { program: 'echo-client', args: [connections, bytes] } });
  return {
    what: 'echo',
    title: `TCP echo, ${connections} connections, ${bytes} bytes`,
    reference: served(c('C, echo-server', 'echo-server')),
    others: [
      served(js('await, Ring', 'echo', 'ring')),
      { ...served(js('node:net', 'echo', 'net')), toTypeScript: true },
    ],
  };
}

/** All cases; `file` is the one to read. */
export function cases(file: string): Case[] {
  const ways: [how: string, loop: string][] = [
    ['peek', 'peek_cqe and cqe_seen'],
    ['for_each', 'for_each_cqe and cq_advance'],
  ];
  return [
    ...['1', '32'].flatMap((batch) => ways.map(([how, loop]) => nop(batch, how, loop))),
    read(file, '1'),
    read(file, '32'),
    read(file, '128'),
    copy(file),
    ...['1', '64', '512'].flatMap((connections) => ['64', '16384'].map((bytes) => echo(connections, bytes))),
    {
      what: 'prep',
      title: 'one call of io_uring_prep_read',
      reference: c('C, called', 'prep', 'call'),
      others: [
        js('TypeScript, window memory', 'prep', 'window'),
        js('TypeScript, an address', 'prep', 'address'),
        js('TypeScript, a Buffer', 'prep', 'buffer'),
        c('C, inlined', 'prep', 'inline'),
      ],
    },
  ];
}
