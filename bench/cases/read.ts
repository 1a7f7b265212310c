import { type Case, inC, type Kind, nodeFs, ours } from '../case.js';

type Cache = 'cached' | 'direct';
type Registration = 'plain' | 'registered';

function read(file: string, cache: Cache, registration: Registration, depth: string): Case {
  const args = [file, cache, registration, depth];
  return {
    id: `read/${cache}/${registration}/${depth}`,
    title: `4 KiB random reads, ${cache === 'cached' ? 'cached' : 'O_DIRECT'}, depth ${depth}${
      registration === 'registered' ? ', registered file and buffers' : ''
    }`,
    unit: 'ns/op',
    comparison: 'speed',
    needs: 'file',
    sides: [
      inC('C', 'read', ...args),
      ours('C interface', 'read', 'c', ...args),
      ours('await', 'read', 'await', ...args),
      // readSync has no depth; people use it at any
      ...(registration === 'plain' ? nodeFs('read', 'FileHandle.read', 'read', ...args) : []),
    ],
  };
}

export const reads: Kind = {
  name: 'read',
  summary: '4 KiB random reads, cached and O_DIRECT, plain and with registered files and buffers',
  cases: ({ file }) =>
    (['cached', 'direct'] as const).flatMap((cache) =>
      (['plain', 'registered'] as const).flatMap((registration) =>
        ['1', '8', '32', '128'].map((depth) => read(file, cache, registration, depth)),
      ),
    ),
};
