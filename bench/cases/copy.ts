import { type Case, inC, type Kind, nodeFs, other, ours } from '../case.js';

export const copies: Kind = {
  name: 'copy',
  summary: 'a cached file copied, in blocks of 128 KiB',
  cases: ({ file, copy }): Case[] => [
    {
      id: 'copy/128k',
      title: '128 KiB of a cached file copied, eight blocks at a time',
      unit: 'ns/op',
      comparison: 'speed',
      needs: 'file',
      sides: [
        inC('C', 'copy', file, copy),
        ours('C interface', 'copy', 'c', file, copy),
        ours('await', 'copy', 'await', file, copy),
        ...nodeFs('read+write', 'FileHandle.read, write', 'copy', file, copy),
        other('fs.copyFile', 'copy', 'copyFile', file, copy),
        other('streams', 'copy', 'streams', file, copy),
      ],
    },
  ],
};
