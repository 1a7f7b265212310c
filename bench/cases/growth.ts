import { type Case, inC, type Kind, ours, type Side } from '../case.js';

interface Shape {
  readonly batch: string;
  readonly entries: string;
  readonly rings: string;
}

/** NOPs through each of our interfaces, and the same in C. */
function sides({ batch, entries, rings }: Shape, threads = '1'): [Side, ...Side[]] {
  const args = ['default', batch, entries, rings];
  const inThreads = (side: Side): Side =>
    threads === '1' ? side : { ...side, name: 'threads', args: [threads, side.name, ...side.args] };
  return [
    inC('C', 'nop', 'for_each', ...args, threads),
    inThreads(ours('C interface', 'nop', 'for_each', ...args)),
    inThreads(ours('await', 'nop', 'await', ...args)),
  ];
}

const grown = (what: string, count: string, title: string, all: [Side, ...Side[]]): Case => ({
  id: `growth/${what}/${count}`,
  title,
  unit: 'ns/op',
  comparison: 'speed',
  sides: all,
});

const usual: Shape = { batch: '32', entries: '64', rings: '1' };

export const growth: Kind = {
  name: 'growth',
  summary: 'NOPs in 1 to 4 threads, 1 to 64 rings of a thread, rings of 8 to 32,768 entries',
  cases: () => [
    ...['1', '2', '4'].map((threads) =>
      grown('threads', threads, `NOP, batches of 32, a ring in each of ${threads} threads`, sides(usual, threads)),
    ),
    ...['1', '4', '16', '64'].map((rings) =>
      grown('rings', rings, `NOP, batches of 32, ${rings} rings in a thread by turns`, sides({ ...usual, rings })),
    ),
    // a batch has at most as many as the smallest ring has entries
    ...['8', '64', '512', '4096', '32768'].map((entries) =>
      grown('entries', entries, `NOP, batches of 8, ${entries} entries`, sides({ batch: '8', entries, rings: '1' })),
    ),
  ],
};
