/** What is compared: for each case a C program, and the same loop elsewhere. */

/** One program with its arguments; its time is given as a multiple of the case's C program. */
export interface Side {
  name: string;
  language: 'c' | 'js';
  program: string;
  args: string[];
  /** Whether its multiple of the case's TypeScript side is of interest, too. */
  toTypeScript?: true;
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
    others: [js('TypeScript', 'nop', how, batch)],
  };
}

function read(file: string, depth: string): Case {
  return {
    what: 'read',
    title: `4 KiB random reads of a cached file, depth ${depth}`,
    reference: c('C', 'read', file, depth),
    others: [
      js('TypeScript', 'read', file, depth),
      // it has no depth, but is what one would use instead at any
      node('fs.readSync', file, '1', 'sync'),
      node('fs.read', file, depth, 'callback'),
      node('FileHandle.read', file, depth, 'promise'),
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
