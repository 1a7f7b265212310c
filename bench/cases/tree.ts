import { type Case, inC, type Kind, nodeFs, ours } from '../case.js';

const overTree = (name: string, title: string, fs: string, promise: string, tree: string): Case => ({
  id: `tree/${name}`,
  title,
  unit: 'ns/op',
  comparison: 'speed',
  needs: 'tree',
  sides: [
    inC('C', name, tree),
    ours('C interface', name, 'c', tree),
    ours('await', name, 'await', tree),
    ...nodeFs(fs, promise, name, tree),
  ],
});

export const trees: Kind = {
  name: 'tree',
  summary: '10,000 small files opened, read and closed as linked chains; statx of them',
  cases: ({ tree }) => [
    overTree('small', 'a file of 1 KiB opened, read, closed; 10,000 of them', 'open+read+close', 'FileHandle', tree),
    overTree('statx', 'statx of 10,000 files in 100 folders', 'stat', 'fs.promises.stat', tree),
  ],
};
