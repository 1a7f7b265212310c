import { inC, type Kind, other, ours, type Side } from '../case.js';

const started = (side: Side): Side => ({ ...side, measured: 'started' });

export const start: Kind = {
  name: 'start',
  summary: 'from import to the first completion; with it, the sizes of the package and the module',
  cases: () => [
    {
      id: 'start/first',
      title: 'a process that imports, has one completion, and ends',
      unit: 'ms',
      comparison: 'difference',
      sides: [
        started(other('an empty script', 'empty')),
        started(ours('C interface', 'start-c')),
        started(ours('await', 'start-await')),
        started(other('fs.promises.stat', 'start-fs')),
        started(inC('C', 'start')),
      ],
    },
  ],
};
